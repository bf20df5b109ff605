"""Kubernetes manifests that follow from the policy and the code, written to deploy/k8s by `make manifests`."""
