"""From a source to the sinks: the protocols, the pump that drives the engine, the hub that fans out."""
