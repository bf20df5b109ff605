"""Make an empty MongoDB, Kafka and key folder into what the policy file describes. Every step may be repeated."""
