"""A local server that imitates OpenSearch's protocol, written for these tests from its documentation.

It listens on the loopback interface, answers over HTTP, and says of itself `version.build_type: stand-in`,
so that a certificate against it is none. What it imitates, as documented (docs.opensearch.org, 2.19):

- `GET /`, `HEAD`, `PUT` and `DELETE /index`, `_mapping`, `_settings`, `_cat/plugins`, `_stats/store`,
  `_refresh`; `PUT _mapping` adds fields
- strict mappings: keyword (at most 32,766 bytes of a term), long, boolean, rank_features, knn_vector; a
  document with another field, type or dimension is refused, and so is an unknown parameter, key or query,
  each with the error body of the real server (`parsing_exception`, `mapper_parsing_exception`,
  `illegal_argument_exception` …)
- `_bulk` with one result per item (create, index, update, delete), `_doc` by id, sequence numbers and
  primary terms with `version_conflict_engine_exception`, routing to shards, indexes made by writing to a
  name that is none
- visibility: what is written is read by id at once, and found by searches only after `_refresh`
- `_search`, `_msearch` and `_count`: bool, term, terms, range, exists, ids, match_all, rank_feature
  (linear, nine significant bits), script_score with `knn_score`, knn with filter; sort, search_after, points
  in time, `_source` lists, `seq_no_primary_term`; max_result_window 10,000, max_clause_count 1,024, bool
  depth 20, k at most 10,000
- users with passwords and roles, 401 and 403 as the security plugin says them, document-level security
- by script: refused and dropped connections, answers that come after the change was made or never, 429,
  503, items of a bulk request that fail while others are done

What it does not imitate: relevance of text, aggregations, scripts but `knn_score`, the graph's
approximations (knn compares with all, unless told to forget some), replicas, merging, the automatic refresh
of every second, snapshots, aliases, searches across clusters, TLS, limits of memory. Where the real server's
wording is not documented it is near. A real server is named by OPENSEARCH_URL: the same tests run there.
"""
