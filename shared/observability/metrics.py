"""Prometheus metrics. Labels are names of readers, topics, purposes and codes; never anything of a person."""

from prometheus_client import Counter, Gauge, Histogram

ENVELOPES_OPENED = Counter(
    "sealed_envelopes_opened_total",
    "Attempts to open an envelope, by outcome: opened, denied (no grant), fenced (erased), gap (cannot decide).",
    ["reader", "purpose", "outcome"],
)
MESSAGES = Counter(
    "sealed_messages_total",
    "Consumed messages by outcome: applied, fenced, dead.",
    ["topic", "outcome"],
)
DEAD_LETTERS = Counter("sealed_dead_letters_total", "Messages put aside, by error code.", ["topic", "code"])
BATCH_SECONDS = Histogram("sealed_batch_seconds", "Time from a batch's arrival to its last durable write.", ["topic"])
BATCH_RETRIES = Counter("sealed_batch_retries_total", "Batches tried again after a passing fault.", ["topic"])
OUTBOX_PUBLISHED = Counter("sealed_outbox_published_total", "Outbox rows published.", ["service", "by"])
OUTBOX_OLDEST_SECONDS = Gauge("sealed_outbox_oldest_seconds", "Age of the oldest unpublished row.", ["service"])
KEY_CACHE_OLDEST_SECONDS = Gauge("sealed_key_cache_oldest_seconds", "Age of the oldest cached key.", ["reader"])
EPOCHS_ALIVE = Gauge("sealed_kek_epochs_alive", "Epochs of the reader's key-encryption key that exist.", ["reader"])
CASES = Counter("sealed_cases_total", "Cases that entered a state.", ["state"])
RESIDUAL_RECORDS = Counter("sealed_residual_records_total", "Records a final pass still found.", ["store"])
DISCLOSURES = Counter(
    "sealed_disclosures_total",
    "Hand-overs of fields to a recipient: sent, away, refused, broken_off.",
    ["recipient", "outcome"],
)
RECIPIENT_ANSWERS = Counter(
    "sealed_recipient_answers_total", "Answers to the notice to forget: forgotten, unknown.", ["recipient", "answer"]
)
PERSON_MESSAGES = Counter(
    "sealed_person_messages_total",
    "Messages to people by outcome: sent, refused, given_up.",
    ["kind", "channel", "outcome"],
)
ORDERS = Counter("sealed_orders_total", "Orders by outcome: placed (or answered again), refused.", ["outcome"])
CONSUMER_LAG = Gauge(
    "sealed_consumer_lag",
    "Messages behind, of the partitions this replica has: their ends minus what is committed.",
    ["service", "topic"],
)
CASES_OPEN = Gauge("sealed_cases_open", "Cases not yet closed, by state; every replica counts all.", ["state"])
WORKING_DAYS_LEFT = Gauge(
    "sealed_deadline_working_days_left",
    "Working days to the nearest deadline of what is open; negative when it is over, NaN where nothing is open.",
    ["of"],  # case, application
)
RECEIPTS_MISSING = Gauge(
    "sealed_receipts_missing", "Cases that have waited for this store's answer for over an hour.", ["store"]
)
APPLICATIONS_WAITING = Gauge(
    "sealed_applications_waiting", "Written applications that wait for an officer, by state.", ["state"]
)
SIGN_IN_FAILURES = Counter(
    "sealed_sign_in_failures_total",
    "Sign-ins refused, by door: password, first_code, single_sign_on, client_code.",
    ["door"],
)
