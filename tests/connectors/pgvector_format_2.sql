-- The tables of an index of format 2, of two dimensions, as the ragkit that made it wrote them.
CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    number bigint NOT NULL,
    n_sources bigint NOT NULL,
    n_chunks bigint NOT NULL,
    next_row bigint NOT NULL,
    next_key bigint NOT NULL,
    generation bigint NOT NULL,
    kept_from bigint NOT NULL,
    to_erase boolean NOT NULL,
    token uuid NOT NULL
);
CREATE TABLE sources (
    tenant bytea NOT NULL,
    id bytea NOT NULL,
    uri bytea,
    content_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    state text NOT NULL,
    stage bytea,
    reason bytea,
    n_chunks integer NOT NULL,
    origin bytea
);
CREATE UNIQUE INDEX sources_by_id ON sources (tenant, sha256(id));
CREATE INDEX sources_in_order ON sources (tenant, substring(id from 1 for 512));
CREATE INDEX sources_by_uri ON sources (tenant, sha256(uri));
CREATE INDEX sources_in_quarantine ON sources (tenant) WHERE state = 'quarantined';
CREATE TABLE documents (
    key bigint PRIMARY KEY,
    tenant bytea NOT NULL,
    id bytea NOT NULL,
    uri bytea,
    text bytea NOT NULL,
    shape bytea NOT NULL,
    from_commit bigint NOT NULL,
    to_commit bigint NOT NULL
);
CREATE INDEX documents_by_id ON documents (tenant, sha256(id), to_commit);
CREATE INDEX documents_by_end ON documents (to_commit);
CREATE TABLE chunks (
    "row" bigint PRIMARY KEY,
    id bytea NOT NULL,
    document bigint NOT NULL,
    tenant bytea NOT NULL,
    acl jsonb NOT NULL,
    from_commit bigint NOT NULL,
    to_commit bigint NOT NULL,
    n_terms integer NOT NULL,
    checksum bigint NOT NULL,
    vector_checksum bigint NOT NULL,
    terms_checksum bigint NOT NULL,
    text bytea NOT NULL,
    shape bytea NOT NULL,
    fields jsonb NOT NULL,
    embedding vector(2) NOT NULL
);
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE INDEX chunks_by_id ON chunks (id);
CREATE INDEX chunks_by_document ON chunks (document);
CREATE INDEX chunks_by_tenant ON chunks (tenant, to_commit);
CREATE INDEX chunks_by_end ON chunks (to_commit);
CREATE INDEX chunks_by_fields ON chunks USING gin (fields jsonb_path_ops);
CREATE TABLE postings (
    tenant bytea NOT NULL,
    term bytea NOT NULL,
    chunk bigint NOT NULL,
    n integer NOT NULL,
    PRIMARY KEY (tenant, term, chunk) INCLUDE (n)
);
INSERT INTO head VALUES (true, 0, 0, 0, 0, 0, 0, 0, false, gen_random_uuid());
ALTER TABLE sources
    ALTER COLUMN id SET STATISTICS 0,
    ALTER COLUMN uri SET STATISTICS 0,
    ALTER COLUMN content_hash SET STATISTICS 0,
    ALTER COLUMN fingerprint SET STATISTICS 0,
    ALTER COLUMN stage SET STATISTICS 0,
    ALTER COLUMN reason SET STATISTICS 0,
    ALTER COLUMN origin SET STATISTICS 0;
ALTER TABLE documents
    ALTER COLUMN id SET STATISTICS 0,
    ALTER COLUMN uri SET STATISTICS 0,
    ALTER COLUMN text SET STATISTICS 0,
    ALTER COLUMN shape SET STATISTICS 0;
ALTER TABLE chunks
    ALTER COLUMN id SET STATISTICS 0,
    ALTER COLUMN acl SET STATISTICS 0,
    ALTER COLUMN checksum SET STATISTICS 0,
    ALTER COLUMN vector_checksum SET STATISTICS 0,
    ALTER COLUMN terms_checksum SET STATISTICS 0,
    ALTER COLUMN text SET STATISTICS 0,
    ALTER COLUMN shape SET STATISTICS 0,
    ALTER COLUMN fields SET STATISTICS 0,
    ALTER COLUMN embedding SET STATISTICS 0;
INSERT INTO meta VALUES ('made by', 'ragkit'), ('format', '2');
