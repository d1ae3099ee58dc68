"""`rerank/http`: a reranking model behind a server of one's own or a service."""

from ragkit_connectors.rerank_http.model import HttpReranker as HttpReranker
