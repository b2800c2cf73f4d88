"""One schema a request body or query, and the rendering of every answer. Only here meet wire names and ours."""
