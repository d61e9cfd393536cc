# Each part may do what it needs, on the one thing that it needs it for.
resource "oci_identity_dynamic_group" "functions" {
  compartment_id = var.tenancy_id
  name           = "${var.prefix}-functions"
  description    = "The functions of the pipeline"
  matching_rule  = "ALL {resource.type = 'fnfunc', resource.compartment.id = '${var.compartment_id}'}"
  freeform_tags  = var.tags
}

resource "oci_identity_dynamic_group" "database" {
  compartment_id = var.tenancy_id
  name           = "${var.prefix}-database"
  description    = "The pipeline's database, which sends alerts of its sweep"
  matching_rule  = "ALL {resource.type = 'autonomousdatabase', resource.id = '${oci_database_autonomous_database.anomaly.id}'}"
  freeform_tags  = var.tags
}

resource "oci_identity_policy" "pipeline" {
  compartment_id = var.compartment_id
  name           = "${var.prefix}-pipeline"
  description    = "What the function, the database and the connector may do"
  freeform_tags  = var.tags

  statements = concat(
    [
      "Allow dynamic-group ${oci_identity_dynamic_group.functions.name} to read secret-bundles in compartment id ${var.compartment_id} where target.secret.id = '${oci_vault_secret.database_password.id}'",
    ],
    [
      for group in [oci_identity_dynamic_group.functions.name, oci_identity_dynamic_group.database.name] :
      "Allow dynamic-group ${group} to use ons-topics in compartment id ${var.compartment_id} where all {target.topic.id = '${oci_ons_notification_topic.anomaly.id}', request.permission = 'ONS_TOPIC_PUBLISH'}"
    ],
    local.with_function ? [
      "Allow any-user to {STREAM_READ, STREAM_CONSUME} in compartment id ${var.compartment_id} where all {request.principal.type = 'serviceconnector', request.principal.id = '${oci_sch_service_connector.anomaly[0].id}', target.stream.id = '${oci_streaming_stream.anomaly.id}'}",
      "Allow any-user to use fn-function in compartment id ${var.compartment_id} where all {request.principal.type = 'serviceconnector', request.principal.id = '${oci_sch_service_connector.anomaly[0].id}'}",
      "Allow any-user to use fn-invocation in compartment id ${var.compartment_id} where all {request.principal.type = 'serviceconnector', request.principal.id = '${oci_sch_service_connector.anomaly[0].id}'}",
    ] : [],
  )
}
