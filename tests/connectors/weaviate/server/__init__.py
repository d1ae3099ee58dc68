"""A local server that imitates Weaviate's protocol, written for these tests from its documentation.

It listens on the loopback interface, answers over HTTP, and lists a module `stand-in`, so that a certificate
against it is none. What it imitates (docs.weaviate.io and the OpenAPI specification, 1.33):

- `GET /v1/meta`; `/v1/schema`: collections made, read, listed and deleted, names unique whatever
  the case, 422 for a name that is taken, an unknown key and an index that a type does not have; tenants
- `POST /v1/batch/objects` with one result per object, `PATCH` and `DELETE /v1/objects/{class}/{id}`,
  `DELETE /v1/batch/objects` by a filter, at most 10,000 at once; types of properties, one length of vectors,
  UUIDs, and the schema that is guessed for a collection that is not there (AUTOSCHEMA_ENABLED, on by default)
- `POST /v1/graphql` and `/v1/graphql/batch`: `Get` with where, limit, offset, sort, nearVector and tenant,
  `Aggregate` with `meta { count }`, parsed by graphql-core; unknown arguments, fields, operators, types
  of values and properties without an index are errors, and so are offset and limit beyond 10,000 and a
  missing tenant
- `GET /v1/nodes/{class}?output=verbose`, with a queue of vectors that is worked off later where it is told to
- API keys and roles: 401 and 403
- by script: refused and dropped connections, answers that come after the change was made or never, 429 with
  Retry-After, 503, objects of a batch that fail while others are written

What it does not imitate: gRPC, modules and vectorizers, BM25, references, the graph's approximations (all are
compared, unless told to forget some), compression, replicas and their consistency, Raft's elections, backups,
cold tenants, TLS. Where the real server's wording is not documented it is near. A real server is named by
WEAVIATE_URL: the same tests run there.
"""
