"""What an administrator runs: MongoDB brought to what the policy says, and the rotation of key-encryption keys.

No other periodic work needs a job. Second passes, reminders of silent stores and second certificates are workers of the
privacy service, in every replica, each fact taken once (services/privacy/watch_cases.py, certify_again.py). What has
expired goes by itself: from MongoDB by the indexes that the services make (call-backs by a worker of intake, since with
one a person may go), from Kafka by its topics' retention. A case's deadline is shown, nearest first, and alerts tell of
it (deploy/monitoring); nothing acts on it.
"""

from typing import Final

from deploy.k8s_manifests import network
from deploy.k8s_manifests.names import VAULT_NAMESPACE, Manifest, metadata
from deploy.k8s_manifests.pods import container, mount, resources, template
from deploy.k8s_manifests.workloads import account
from shared.policy.model import Policy

MIGRATE: Final = "migrate"
ROTATE: Final = "rotate-keys"
ADMIN: Final = {"name": "MONGODB_URI", "valueFrom": {"secretKeyRef": {"name": "mongodb-admin", "key": "uri"}}}
VAULT_PORT: Final = 8200
# Nothing is tried again after it, and a rotation that is stopped begins anew: several times what ten million people
# take (docs/sizing.md). The alert SealedEpochNotDestroyed comes after as long.
ROTATION_SECONDS: Final = 24 * 3_600


def migration(policy: Policy) -> list[Manifest]:
    """Users, roles and views. The users' passwords come from the very Secrets that the services read."""
    services = policy.erasing_stores
    secrets = [{"secret": {"name": f"{name}-mongodb", "items": [{"key": "uri", "path": name}]}} for name in services]
    pod = template(
        MIGRATE,
        container(
            MIGRATE,
            ["python", "-m", "deploy.provision.migrate", "/mongodb"],
            [mount("mongodb", "/mongodb")],
            env=[ADMIN],
            resources=resources("100m", "256Mi"),
        ),
        [{"name": "mongodb", "projected": {"defaultMode": 0o440, "sources": secrets}}],
        restartPolicy="Never",
    )
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(MIGRATE, MIGRATE),
        "spec": {"backoffLimit": 5, "activeDeadlineSeconds": 600, "ttlSecondsAfterFinished": 86400, "template": pod},
    }
    return [account(MIGRATE), job, network.of_job(MIGRATE, network.mongodb())]


def rotation() -> list[Manifest]:
    """Monthly; only where Vault holds the keys: a job without a token of the cluster can change no Secret."""
    vault = {"to": [network.in_namespace(VAULT_NAMESPACE)], "ports": network.tcp(VAULT_PORT)}
    pod = template(
        ROTATE,
        container(
            ROTATE,
            ["python", "-m", "deploy.provision.rotation_job"],
            [mount("vault", "/vault"), mount("vault-ca", "/vault-ca")],
            envFrom=[{"configMapRef": {"name": "vault"}}],
            env=[{**ADMIN, "name": "SEALED_ADMIN_MONGODB_URI"}],
            resources=resources("250m", "512Mi"),
        ),
        [
            {"name": "vault", "secret": {"secretName": "vault-admin", "defaultMode": 0o440}},
            {"name": "vault-ca", "configMap": {"name": "vault-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        ],
        restartPolicy="Never",
    )
    spec = {
        "schedule": "0 3 1 * *",
        "timeZone": "Asia/Almaty",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"spec": {"backoffLimit": 2, "activeDeadlineSeconds": ROTATION_SECONDS, "template": pod}},
    }
    job = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata(ROTATE, ROTATE), "spec": spec}
    return [account(ROTATE), job, network.of_job(ROTATE, network.mongodb(), vault)]
