"""The definitions of other operators' kinds, which tests/deploy/crds has for the checks and the API server."""
