"""The processes: `up` and its children, the worker of a cluster, web, relay, and the schema."""
