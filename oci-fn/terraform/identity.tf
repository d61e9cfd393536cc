# Each part may do what it needs, and as far as a policy can say so on the one thing that it needs it
# for.
resource "oci_identity_dynamic_group" "functions" {
  count          = local.with_function ? 1 : 0
  compartment_id = var.tenancy_id
  name           = "${var.prefix}-functions"
  description    = "The pipeline's function, and no other of its compartment"
  matching_rule  = "ALL {resource.type = 'fnfunc', resource.id = '${oci_functions_function.extract_features[0].id}'}"
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
      for group in oci_identity_dynamic_group.functions[*].name :
      "Allow dynamic-group ${group} to read secret-bundles in compartment id ${var.compartment_id} where target.secret.id = '${oci_vault_secret.database_password.id}'"
    ],
    # Of topics, no policy can name one: publishing in this compartment, and nothing else.
    [
      for group in concat(oci_identity_dynamic_group.functions[*].name, [oci_identity_dynamic_group.database.name]) :
      "Allow dynamic-group ${group} to use ons-topics in compartment id ${var.compartment_id} where request.permission = 'ONS_TOPIC_PUBLISH'"
    ],
    # In the words of the console, which writes these for a connector that it makes; narrower than it:
    # to call, by the one function. Looking for functions cannot be narrowed to one.
    [
      "Allow any-user to {STREAM_READ, STREAM_CONSUME} in compartment id ${var.compartment_id} where all {${local.by_connector}, target.stream.id = '${oci_streaming_stream.anomaly.id}'}",
      "Allow any-user to use fn-function in compartment id ${var.compartment_id} where all {${local.by_connector}}",
    ],
    [
      for function in oci_functions_function.extract_features :
      "Allow any-user to use fn-invocation in compartment id ${var.compartment_id} where all {${local.by_connector}, target.function.id = '${function.id}'}"
    ],
    [
      for function in oci_functions_function.extract_features :
      "Allow any-user to use fn-invocation in compartment id ${var.compartment_id} where all {request.principal.type = 'ApiGateway', request.resource.compartment.id = '${var.compartment_id}', target.function.id = '${function.id}'}"
      if local.with_gateway
    ],
  )
}

locals {
  by_connector = "request.principal.type = 'serviceconnector', request.principal.compartment.id = '${var.compartment_id}'"
}
