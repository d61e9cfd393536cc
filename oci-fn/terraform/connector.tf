# Stream → function, in order within a partition, again until the function answers.
resource "oci_sch_service_connector" "anomaly" {
  count          = local.with_function ? 1 : 0
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-stream-to-function"
  description    = "Hands the events of ${var.names.stream} to ${var.names.function}"
  freeform_tags  = var.tags
  depends_on     = [oci_identity_policy.pipeline]

  source {
    kind      = "streaming"
    stream_id = oci_streaming_stream.anomaly.id

    cursor {
      kind = "TRIM_HORIZON"
    }
  }

  target {
    kind              = "functions"
    function_id       = oci_functions_function.extract_features[0].id
    batch_size_in_num = var.batch.messages
    batch_size_in_kbs = var.batch.messages == null ? var.batch.kb : null
    batch_time_in_sec = var.batch.seconds
  }
}
