"""One file a resource: parse the request, call the domain, render the answer. Called by the routes alone."""
