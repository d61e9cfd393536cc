resource "oci_ons_notification_topic" "anomaly" {
  compartment_id = var.compartment_id
  name           = var.names.topic
  description    = "Digests of anomalies"
  freeform_tags  = var.tags
}

# What goes wrong with the pipeline itself, kept apart from what it finds.
resource "oci_ons_notification_topic" "operations" {
  compartment_id = var.compartment_id
  name           = "${var.names.topic}-operations"
  description    = "Alarms of the pipeline"
  freeform_tags  = var.tags
}

resource "oci_ons_subscription" "anomaly" {
  for_each       = { for one in var.subscriptions : "${one.protocol} ${one.endpoint}" => one }
  compartment_id = var.compartment_id
  topic_id       = oci_ons_notification_topic.anomaly.id
  protocol       = each.value.protocol
  endpoint       = each.value.endpoint
}

resource "oci_ons_subscription" "operations" {
  for_each       = { for one in var.subscriptions : "${one.protocol} ${one.endpoint}" => one }
  compartment_id = var.compartment_id
  topic_id       = oci_ons_notification_topic.operations.id
  protocol       = each.value.protocol
  endpoint       = each.value.endpoint
}
