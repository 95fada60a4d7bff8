"""The service: a library asked over HTTP, and a web page to look at it."""
