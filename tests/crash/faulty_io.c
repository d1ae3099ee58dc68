/* Counts the calls by which a process changes files below one folder, and makes one of them fail.
 *
 * Loaded with LD_PRELOAD. Configured by the environment (read when the library is loaded) or by calling
 * faulty_io_arm() from within the process:
 *
 *   FAULTY_IO_FOLDER  only calls on paths and descriptors below this absolute path count
 *   FAULTY_IO_MODE    count        nothing fails
 *                     kill_before  SIGKILL in place of the call
 *                     kill_after   SIGKILL once the call is done
 *                     torn         SIGKILL after half the bytes; in place of a call that writes none
 *                     eio          the call fails with EIO, later ones do not
 *                     enospc       the call fails with ENOSPC, later ones do not
 *                     full         the call, if it takes space, and all later ones that do fail with ENOSPC
 *                     short        half the bytes are written, the next write to that file fails with ENOSPC
 *                     partial      half the bytes are written and reported, later calls go through
 *   FAULTY_IO_AT      the number of the call that fails, from 1
 *   FAULTY_IO_COUNT   a file that gets the number of calls when the process exits
 *   FAULTY_IO_TRACE   a file that gets a line per call, before it is made: number, name, bytes, path
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum mode { COUNT, KILL_BEFORE, KILL_AFTER, TORN, EIO_ONCE, ENOSPC_ONCE, FULL, SHORT, PARTIAL };
static const char *const MODES[] = {"count",  "kill_before", "kill_after", "torn", "eio",
                                    "enospc", "full",        "short",      "partial"};
/* What a call does to the space of the disk: a full disk refuses only what takes some. */
enum kind { WRITES, TAKES_SPACE, TAKES_NONE };
enum verdict { PASS, FAIL, HALF, HALF_THEN_DIE, DIE_AFTER };

static char folder[PATH_MAX], count_file[PATH_MAX];
static size_t folder_length;
static enum mode mode;
static long fail_at;
static int trace = -1;
static atomic_long n_calls;
static atomic_int armed, is_full, fd_to_fail = -1;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

_Noreturn static void die(void) {
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

static void write_down(int fd, const char *line, size_t length) {
    long written = syscall(SYS_write, fd, line, length);
    (void)written;
}

void faulty_io_arm(const char *where, const char *how, long at, const char *count, const char *lines) {
    atomic_store(&armed, 0);
    snprintf(folder, sizeof folder, "%s", where);
    folder_length = strlen(folder);
    mode = COUNT;
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++)
        if (strcmp(MODES[i], how) == 0) mode = (enum mode)i;
    fail_at = at;
    snprintf(count_file, sizeof count_file, "%s", count == NULL ? "" : count);
    if (trace >= 0) syscall(SYS_close, trace);
    trace = -1;
    if (lines != NULL && *lines != '\0')
        trace = (int)syscall(SYS_openat, AT_FDCWD, lines, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    atomic_store(&n_calls, 0);
    atomic_store(&is_full, 0);
    atomic_store(&fd_to_fail, -1);
    atomic_store(&armed, folder_length > 0);
}

/* Later calls go through and are not counted. Gives the number of calls. */
long faulty_io_disarm(void) {
    atomic_store(&armed, 0);
    return atomic_load(&n_calls);
}

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("FAULTY_IO_FOLDER"), *how = getenv("FAULTY_IO_MODE");
    const char *at = getenv("FAULTY_IO_AT");
    if (where != NULL)
        faulty_io_arm(where, how == NULL ? "count" : how, at == NULL ? 0 : atol(at),
                      getenv("FAULTY_IO_COUNT"), getenv("FAULTY_IO_TRACE"));
}

__attribute__((destructor)) static void end(void) {
    if (*count_file == '\0') return;
    char line[32];
    int length = snprintf(line, sizeof line, "%ld\n", atomic_load(&n_calls));
    int fd = (int)syscall(SYS_openat, AT_FDCWD, count_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0) {
        write_down(fd, line, (size_t)length);
        syscall(SYS_close, fd);
    }
}

static int is_below(const char *path) {
    return strncmp(path, folder, folder_length) == 0 &&
           (path[folder_length] == '/' || path[folder_length] == '\0');
}

static int path_of_fd(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n < 0) return 0;
    path[n] = '\0';
    return 1;
}

static int absolute(int dirfd, const char *path, char *out) {
    if (*path == '/') {
        snprintf(out, PATH_MAX, "%s", path);
        return 1;
    }
    char base[PATH_MAX];
    if (dirfd == AT_FDCWD ? getcwd(base, sizeof base) == NULL : !path_of_fd(dirfd, base)) return 0;
    return snprintf(out, PATH_MAX, "%s/%s", base, path) < PATH_MAX;
}

/* Counts a call on `path` and says what becomes of it; a call that shall fail has its errno set. */
static enum verdict judge(const char *name, enum kind kind, size_t n_bytes, int fd, const char *path) {
    if (!is_below(path)) return PASS;
    long number = atomic_fetch_add(&n_calls, 1) + 1;
    if (trace >= 0) {
        char line[PATH_MAX + 96];
        int length = snprintf(line, sizeof line, "%ld %s %zu %s\n", number, name, n_bytes, path);
        write_down(trace, line, (size_t)length);
    }
    if (fd >= 0 && kind == WRITES && atomic_load(&fd_to_fail) == fd) {
        atomic_store(&fd_to_fail, -1);
        errno = ENOSPC;
        return FAIL;
    }
    if (mode == FULL && number >= fail_at && fail_at > 0) atomic_store(&is_full, 1);
    if (atomic_load(&is_full) && kind != TAKES_NONE) {
        errno = ENOSPC;
        return FAIL;
    }
    if (number != fail_at) return PASS;
    switch (mode) {
    case KILL_BEFORE: die();
    case KILL_AFTER: return DIE_AFTER;
    case TORN:
        if (kind != WRITES || n_bytes < 2) die();
        return HALF_THEN_DIE;
    case EIO_ONCE: errno = EIO; return FAIL;
    case ENOSPC_ONCE: errno = ENOSPC; return FAIL;
    case SHORT:
        if (kind != WRITES || n_bytes < 2) {
            errno = ENOSPC;
            return FAIL;
        }
        atomic_store(&fd_to_fail, fd);
        return HALF;
    case PARTIAL: return kind == WRITES && n_bytes >= 2 ? HALF : PASS;
    default: return PASS;
    }
}

static enum verdict judge_fd(const char *name, enum kind kind, size_t n_bytes, int fd) {
    char path[PATH_MAX];
    if (!atomic_load(&armed)) return PASS;
    int before = errno;
    int known = path_of_fd(fd, path);
    errno = before;
    return known ? judge(name, kind, n_bytes, fd, path) : PASS;
}

static enum verdict judge_path(const char *name, enum kind kind, int dirfd, const char *path) {
    char full[PATH_MAX];
    if (!atomic_load(&armed) || path == NULL || !absolute(dirfd, path, full)) return PASS;
    return judge(name, kind, 0, -1, full);
}

#define FINISH(judged, result) \
    do { \
        if ((judged) == DIE_AFTER || (judged) == HALF_THEN_DIE) die(); \
        return result; \
    } while (0)

#define CALL(judged, call) \
    do { \
        enum verdict what = (judged); \
        if (what == FAIL) return -1; \
        __auto_type result = (call); \
        FINISH(what, result); \
    } while (0)

/* --- bytes --------------------------------------------------------------------------------------- */

#define WRITE(name, call) \
    do { \
        REAL(name); \
        enum verdict what = judge_fd(#name, WRITES, n, fd); \
        if (what == FAIL) return -1; \
        if (what == HALF || what == HALF_THEN_DIE) n /= 2; \
        ssize_t result = (call); \
        FINISH(what, result); \
    } while (0)

ssize_t write(int fd, const void *data, size_t n) { WRITE(write, real(fd, data, n)); }
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { WRITE(pwrite, real(fd, data, n, at)); }
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) { WRITE(pwrite64, real(fd, data, n, at)); }

static size_t size_of(const struct iovec *parts, int n_parts) {
    size_t n = 0;
    for (int i = 0; i < n_parts; i++) n += parts[i].iov_len;
    return n;
}

/* The first `n` bytes of the parts; gives how many parts those are. */
static int shortened(const struct iovec *parts, int n_parts, size_t n, struct iovec *out) {
    int i = 0;
    for (; i < n_parts && n > 0; i++) {
        out[i] = parts[i];
        if (out[i].iov_len > n) out[i].iov_len = n;
        n -= out[i].iov_len;
    }
    return i;
}

#define WRITE_PARTS(name, call) \
    do { \
        REAL(name); \
        size_t n = size_of(given, n_parts); \
        struct iovec own[IOV_MAX]; \
        const struct iovec *parts = given; \
        enum verdict what = n_parts < 0 || n_parts > IOV_MAX ? PASS : judge_fd(#name, WRITES, n, fd); \
        if (what == FAIL) return -1; \
        if (what == HALF || what == HALF_THEN_DIE) { \
            n_parts = shortened(given, n_parts, n / 2, own); \
            parts = own; \
        } \
        ssize_t result = (call); \
        FINISH(what, result); \
    } while (0)

ssize_t writev(int fd, const struct iovec *given, int n_parts) {
    WRITE_PARTS(writev, real(fd, parts, n_parts));
}
ssize_t pwritev(int fd, const struct iovec *given, int n_parts, off_t at) {
    WRITE_PARTS(pwritev, real(fd, parts, n_parts, at));
}
ssize_t pwritev64(int fd, const struct iovec *given, int n_parts, off64_t at) {
    WRITE_PARTS(pwritev64, real(fd, parts, n_parts, at));
}
ssize_t sendfile(int fd, int from, off_t *at, size_t n) { WRITE(sendfile, real(fd, from, at, n)); }
ssize_t sendfile64(int fd, int from, off64_t *at, size_t n) { WRITE(sendfile64, real(fd, from, at, n)); }
ssize_t copy_file_range(int from, off64_t *from_at, int fd, off64_t *at, size_t n, unsigned flags) {
    WRITE(copy_file_range, real(from, from_at, fd, at, n, flags));
}

/* --- files --------------------------------------------------------------------------------------- */

int fsync(int fd) {
    REAL(fsync);
    CALL(judge_fd("fsync", TAKES_NONE, 0, fd), real(fd));
}
int fdatasync(int fd) {
    REAL(fdatasync);
    CALL(judge_fd("fdatasync", TAKES_NONE, 0, fd), real(fd));
}

static enum kind kind_of_truncation(int fd, off64_t length) {
    struct stat now;
    return fstat(fd, &now) == 0 && length > now.st_size ? TAKES_SPACE : TAKES_NONE;
}

int ftruncate(int fd, off_t length) {
    REAL(ftruncate);
    CALL(judge_fd("ftruncate", kind_of_truncation(fd, length), 0, fd), real(fd, length));
}
int ftruncate64(int fd, off64_t length) {
    REAL(ftruncate64);
    CALL(judge_fd("ftruncate64", kind_of_truncation(fd, length), 0, fd), real(fd, length));
}
int truncate(const char *path, off_t length) {
    REAL(truncate);
    CALL(judge_path("truncate", TAKES_NONE, AT_FDCWD, path), real(path, length));
}
int fallocate(int fd, int how, off_t at, off_t length) {
    REAL(fallocate);
    CALL(judge_fd("fallocate", TAKES_SPACE, 0, fd), real(fd, how, at, length));
}
int fallocate64(int fd, int how, off64_t at, off64_t length) {
    REAL(fallocate64);
    CALL(judge_fd("fallocate64", TAKES_SPACE, 0, fd), real(fd, how, at, length));
}

/* This one gives the error's number instead of setting it. */
#define ALLOCATE(name) \
    do { \
        REAL(name); \
        enum verdict what = judge_fd(#name, TAKES_SPACE, 0, fd); \
        if (what == FAIL) return errno; \
        int result = real(fd, at, length); \
        FINISH(what, result); \
    } while (0)

int posix_fallocate(int fd, off_t at, off_t length) { ALLOCATE(posix_fallocate); }
int posix_fallocate64(int fd, off64_t at, off64_t length) { ALLOCATE(posix_fallocate64); }

/* --- names --------------------------------------------------------------------------------------- */

int rename(const char *old, const char *new) {
    REAL(rename);
    CALL(judge_path("rename", TAKES_SPACE, AT_FDCWD, new), real(old, new));
}
int renameat(int old_at, const char *old, int new_at, const char *new) {
    REAL(renameat);
    CALL(judge_path("renameat", TAKES_SPACE, new_at, new), real(old_at, old, new_at, new));
}
int renameat2(int old_at, const char *old, int new_at, const char *new, unsigned flags) {
    REAL(renameat2);
    CALL(judge_path("renameat2", TAKES_SPACE, new_at, new), real(old_at, old, new_at, new, flags));
}
int link(const char *old, const char *new) {
    REAL(link);
    CALL(judge_path("link", TAKES_SPACE, AT_FDCWD, new), real(old, new));
}
int linkat(int old_at, const char *old, int new_at, const char *new, int flags) {
    REAL(linkat);
    CALL(judge_path("linkat", TAKES_SPACE, new_at, new), real(old_at, old, new_at, new, flags));
}
int symlink(const char *target, const char *path) {
    REAL(symlink);
    CALL(judge_path("symlink", TAKES_SPACE, AT_FDCWD, path), real(target, path));
}
int symlinkat(const char *target, int at, const char *path) {
    REAL(symlinkat);
    CALL(judge_path("symlinkat", TAKES_SPACE, at, path), real(target, at, path));
}
int unlink(const char *path) {
    REAL(unlink);
    CALL(judge_path("unlink", TAKES_NONE, AT_FDCWD, path), real(path));
}
int unlinkat(int at, const char *path, int flags) {
    REAL(unlinkat);
    CALL(judge_path("unlinkat", TAKES_NONE, at, path), real(at, path, flags));
}
int rmdir(const char *path) {
    REAL(rmdir);
    CALL(judge_path("rmdir", TAKES_NONE, AT_FDCWD, path), real(path));
}
int mkdir(const char *path, mode_t rights) {
    REAL(mkdir);
    CALL(judge_path("mkdir", TAKES_SPACE, AT_FDCWD, path), real(path, rights));
}
int mkdirat(int at, const char *path, mode_t rights) {
    REAL(mkdirat);
    CALL(judge_path("mkdirat", TAKES_SPACE, at, path), real(at, path, rights));
}

/* Only an open that makes a file changes the folder; one that finds it takes no space. */
static enum verdict judge_open(const char *name, int at, const char *path, int flags) {
    if (!(flags & O_CREAT) || !atomic_load(&armed)) return PASS;
    int before = errno;
    int is_there = faccessat(at, path, F_OK, AT_EACCESS) == 0;
    errno = before;
    return judge_path(name, is_there ? TAKES_NONE : TAKES_SPACE, at, path);
}

static mode_t rights_of(int flags, va_list more) {
    return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(more, int) : 0;
}

#define OPEN(name, at, call) \
    do { \
        REAL(name); \
        va_list more; \
        va_start(more, flags); \
        mode_t rights = rights_of(flags, more); \
        va_end(more); \
        CALL(judge_open(#name, at, path, flags), call); \
    } while (0)

int open(const char *path, int flags, ...) { OPEN(open, AT_FDCWD, real(path, flags, rights)); }
int open64(const char *path, int flags, ...) { OPEN(open64, AT_FDCWD, real(path, flags, rights)); }
int openat(int at, const char *path, int flags, ...) { OPEN(openat, at, real(at, path, flags, rights)); }
int openat64(int at, const char *path, int flags, ...) { OPEN(openat64, at, real(at, path, flags, rights)); }
