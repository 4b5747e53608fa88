"""Reports: frozen answers built from rows for a person; the command, the API and the page tell the same one."""
