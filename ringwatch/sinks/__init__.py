"""Where records go: metrics, files, pages. Sinks know facts and readings, never the protocol, and not one another."""
