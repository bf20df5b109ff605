"""What every pod has: pod security "restricted", nothing writable but /tmp, no token of the cluster, one region."""

from collections.abc import Sequence
from typing import Final

from deploy.k8s_manifests.names import IMAGE, Manifest, labels

USER: Final = 10001
REGION: Final = "kz"  # overlays take theirs from components/region, the one place to set it
# Who signed MongoDB's certificate, where its URI has tlsCAFile=/mongodb-ca/ca.crt; nothing secret, hence no Secret.
MONGODB_CA: Final = {
    "name": "mongodb-ca",
    "configMap": {"name": "mongodb-ca", "optional": True, "items": [{"key": "ca.crt", "path": "ca.crt"}]},
}
TMP: Final = {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}


def container(name: str, command: Sequence[str], mounts: Sequence[Manifest], **more: object) -> Manifest:
    return {
        "name": name,
        "image": IMAGE,
        "command": list(command),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": USER,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, mount("mongodb-ca", "/mongodb-ca"), *mounts],
        **more,
    }


def template(name: str, of: Manifest, volumes: Sequence[Manifest], **more: object) -> Manifest:
    """A pod of one container, `of`."""
    return {
        "metadata": {"labels": labels(name)},
        "spec": {
            "serviceAccountName": name,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _in_region()}},
            "containers": [of],
            "volumes": [TMP, MONGODB_CA, *volumes],
            **more,
        },
    }


def mount(name: str, path: str) -> Manifest:
    return {"name": name, "mountPath": path, "readOnly": True}


def resources(cpu: str, memory: str) -> Manifest:
    """No limit of CPU: a throttled consumer loses its place in the group."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def _in_region() -> Manifest:
    """Law 94-V art. 12(2): personal data are kept in Kazakhstan."""
    region = {"key": "topology.kubernetes.io/region", "operator": "In", "values": [REGION]}
    return {"nodeSelectorTerms": [{"matchExpressions": [region]}]}
