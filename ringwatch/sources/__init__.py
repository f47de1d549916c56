"""Where AMI blocks come from: a live PBX (two ways) or a recording."""
