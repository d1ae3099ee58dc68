"""A local server that imitates the data plane of a Pinecone serverless index, written from its documentation.

It listens on the loopback interface and answers over HTTP as the OpenAPI specification 2025-10 says:

- `POST /describe_index_stats`, `/vectors/upsert`, `/vectors/update` (by id or by filter, with `dryRun`),
  `/vectors/delete` (ids), `/vectors/fetch_by_metadata` with pages, `/query`; `GET /vectors/fetch`;
  `/namespaces` made (409 where there is one), listed by prefix with pages, described and deleted
- limits: 1,000 records and 2 MB of an upsert, 40 KB of metadata, ids of 512 ASCII characters, texts, numbers,
  booleans and lists of texts alone, no null, no vector of zeros or of another dimension, topK 10,000,
  answers of 4 MB, 10,000 values of `$in`; an unknown key, operator, path or parameter is refused, and so
  is a filter on a field that the namespace's schema does not name
- eventual consistency: each namespace has a log, every write its number (`x-pinecone-request-lsn`), and two
  copies that follow the log, one slower than the other; queries go to them in turn and say how far they are
  (`x-pinecone-max-indexed-lsn`). Fetches and dry runs see a third copy, and say nothing of it
- API keys and roles: 401 and 403
- by script: refused and dropped connections, answers that come after the change was made or never, 429 with
  Retry-After, 503

What it does not imitate: the control plane, sparse and hybrid vectors, integrated embedding,
approximation (all are compared), rate limits of their own accord, imports, backups, read units, TLS. That
a namespace is made once is documented (409); that this holds across the copies of their service is not. A
real index is named by PINECONE_HOST with PINECONE_API_KEY: the same tests run there.
"""
