"""HTTP: what a request asks for, and what a reply looks like."""
