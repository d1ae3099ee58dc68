"""Understanding a question before anything is searched: `QueryPlan → QueryPlan`."""
