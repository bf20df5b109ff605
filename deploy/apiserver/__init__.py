"""A real API server for the manifests: kube-apiserver and etcd on loopback, and nothing that would run a pod."""
