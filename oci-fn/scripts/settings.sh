# What the other scripts share; each of them is started by itself, and reads this one.
compartment=${COMPARTMENT_OCID:-}
stream_name=${STREAM_NAME:-anomaly-events-stream}
partitions=${PARTITIONS:-3}
topic_name=${TOPIC_NAME:-AnomalyAlerts}
application_name=${APPLICATION_NAME:-anomaly-function-app}
function_name=${FUNCTION_NAME:-extract-features}

say() { printf '%s\n' "$*" >&2; }

need() { # need VALUE NAME
    [ -n "$1" ] || { say "Set $2 first, or see --help."; exit 2; }
}

# Print what would change something; run it with --apply.
apply=no
change() {
    printf '+'; printf ' %q' "$@"; printf '\n'
    if [ "$apply" = yes ]; then "$@"; fi
}

# The first OCID that a list holds; empty for none.
first() { "$@" --query 'data[0].id' --raw-output 2>/dev/null || true; }

stream_id() {
    [ -n "${STREAM_OCID:-}" ] && { printf '%s' "$STREAM_OCID"; return; }
    first oci streaming admin stream list --compartment-id "$compartment" --name "$stream_name" --lifecycle-state ACTIVE
}
topic_id() {
    oci ons topic list --compartment-id "$compartment" --name "$topic_name" --query 'data[0]."topic-id"' --raw-output 2>/dev/null || true
}
subscription_id() { # subscription_id TOPIC ENDPOINT
    oci ons subscription list --compartment-id "$compartment" --topic-id "$1" --query "data[?endpoint=='$2'] | [0].id" --raw-output 2>/dev/null || true
}
application_id() {
    first oci fn application list --compartment-id "$compartment" --display-name "$application_name" --lifecycle-state ACTIVE
}
function_id() {
    [ -n "${FUNCTION_OCID:-}" ] && { printf '%s' "$FUNCTION_OCID"; return; }
    first oci fn function list --application-id "$(application_id)" --display-name "$function_name"
}
