#!/bin/sh
# Fetches Apache Kafka's jars into deploy/kafka/jars (45 files, 45 MB), once for each pom.xml. Needs Java 17 and Maven;
# as root on Debian or Ubuntu it installs what is missing.
set -eu
cd "$(dirname "$0")"
want=$(cksum < pom.xml)
if [ -f jars/.pom ] && [ "$(cat jars/.pom)" = "$want" ] && command -v java >/dev/null; then exit 0; fi

missing=""
command -v java >/dev/null || missing="openjdk-17-jre-headless"
command -v mvn >/dev/null || missing="$missing maven"
# shellcheck disable=SC2086
if [ -n "$missing" ] && ! ../debian-install.sh $missing; then
    echo "Apache Kafka needs Java 17 and Maven; missing here: $missing." >&2
    echo "Install them (Debian, Ubuntu: apt install openjdk-17-jre-headless maven) and run this again." >&2
    exit 1
fi

echo "Fetching Apache Kafka ..."
rm -rf jars
mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$PWD/jars"
echo "$want" > jars/.pom
