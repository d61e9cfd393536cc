resource "oci_streaming_stream_pool" "anomaly" {
  compartment_id = var.compartment_id
  name           = "${var.prefix}-pool"
  freeform_tags  = var.tags

  # Kafka clients make no topics by mistake.
  kafka_settings {
    auto_create_topics_enable = false
    log_retention_hours       = var.retention_hours
    num_partitions            = var.partitions
  }
}

resource "oci_streaming_stream" "anomaly" {
  name               = var.names.stream
  partitions         = var.partitions
  retention_in_hours = var.retention_hours
  stream_pool_id     = oci_streaming_stream_pool.anomaly.id
  freeform_tags      = var.tags
}
