mock_provider "oci" {
  mock_resource "oci_database_autonomous_database" {
    defaults = {
      id = "ocid1.autonomousdatabase.oc1..db"
      connection_strings = [{
        all_connection_strings = { LOW = "db.adb.example.com:1522/x_low.adb.oraclecloud.com" }
      }]
    }
  }
}

variables {
  compartment_id          = "ocid1.compartment.oc1..c"
  tenancy_id              = "ocid1.tenancy.oc1..t"
  region                  = "eu-frankfurt-1"
  database_admin_password = "for-this-test-Only-1"
  database_user_password  = "for-this-test-Only-2"
}

run "first_without_an_image" {
  assert {
    condition     = length(oci_apigateway_gateway.events) == 0
    error_message = "A gateway must be asked for."
  }

  assert {
    condition     = length(oci_functions_function.extract_features) == 0 && length(oci_sch_service_connector.anomaly) == 0
    error_message = "Without an image there can be no function, and nothing that calls it."
  }

  assert {
    condition     = length(oci_core_subnet.function) == 1 && length(oci_kms_vault.pipeline) == 1
    error_message = "What is not given is made."
  }

  assert {
    condition     = local.function_config.MILLRACE_DATABASE == "oracle://MILLRACE@tcps://db.adb.example.com:1521/x_low.adb.oraclecloud.com"
    error_message = "The function connects by TLS."
  }

  assert {
    condition     = !strcontains(jsonencode(local.function_config), var.database_user_password)
    error_message = "No password stands in the function's configuration."
  }
}

run "then_with_an_image" {
  variables {
    function_image = "ocir.eu-frankfurt-1.oci.oraclecloud.com/ns/millrace/extract-features:0.1.0"
    subscriptions  = [{ protocol = "EMAIL", endpoint = "ops@example.com" }]
  }

  assert {
    condition     = oci_sch_service_connector.anomaly[0].target[0].function_id == oci_functions_function.extract_features[0].id
    error_message = "The connector hands over to the function."
  }

  assert {
    condition     = oci_sch_service_connector.anomaly[0].target[0].batch_size_in_kbs == 2048 && oci_sch_service_connector.anomaly[0].target[0].batch_size_in_num == null
    error_message = "A connector takes one size of a batch, and the function's body is bounded in KB."
  }

  assert {
    condition     = oci_sch_service_connector.anomaly[0].source[0].stream_id == oci_streaming_stream.anomaly.id
    error_message = "The connector reads the stream."
  }

  assert {
    condition     = toset(keys(oci_monitoring_alarm.pipeline)) == toset(["function-errors", "connector-lag", "no-events"])
    error_message = "There are three alarms."
  }

  assert {
    condition     = alltrue([for statement in oci_identity_policy.pipeline.statements : strcontains(statement, " where ")])
    error_message = "Every statement is narrowed to what it is for."
  }

  assert {
    condition = [for statement in oci_identity_policy.pipeline.statements : strcontains(statement, "target.function.id = '${oci_functions_function.extract_features[0].id}'")
    if strcontains(statement, "fn-invocation")] == [true]
    error_message = "The connector may call this function, and no other."
  }

  assert {
    condition     = strcontains(oci_identity_dynamic_group.functions[0].matching_rule, oci_functions_function.extract_features[0].id)
    error_message = "Nothing but this function reads the password."
  }

  assert {
    condition     = length(oci_ons_subscription.anomaly) == 1 && length(oci_ons_subscription.operations) == 1
    error_message = "A subscriber gets alerts and alarms."
  }
}

run "in_a_network_and_a_vault_that_are_there" {
  variables {
    subnet_ids = ["ocid1.subnet.oc1..s"]
    vault_id   = "ocid1.vault.oc1..v"
    key_id     = "ocid1.key.oc1..k"
    names      = { stream = "my-stream", database = "my-db" }
  }

  assert {
    condition     = length(oci_core_vcn.pipeline) == 0 && length(oci_kms_key.pipeline) == 0
    error_message = "What is given is not made."
  }

  assert {
    condition     = oci_streaming_stream.anomaly.name == "my-stream" && oci_database_autonomous_database.anomaly.db_name == "millracemydb"
    error_message = "Names come from variables."
  }

  assert {
    condition     = toset(oci_functions_application.anomaly_app.subnet_ids) == toset(["ocid1.subnet.oc1..s"])
    error_message = "The function runs in the subnet that was given."
  }
}

run "with_a_gateway_for_producers" {
  variables {
    function_image = "ocir.eu-frankfurt-1.oci.oraclecloud.com/ns/millrace/extract-features:0.1.0"
    batch          = { messages = 100 }
    gateway = {
      subnet_id = "ocid1.subnet.oc1..g"
      issuers   = ["https://identity.example.com"]
      audiences = ["millrace"]
      jwks_uri  = "https://identity.example.com/keys"
    }
  }

  assert {
    condition     = oci_sch_service_connector.anomaly[0].target[0].batch_size_in_kbs == null && oci_sch_service_connector.anomaly[0].target[0].batch_size_in_num == 100
    error_message = "A number of messages is taken in place of a size in KB."
  }

  assert {
    condition     = oci_apigateway_deployment.events[0].specification[0].routes[0].backend[0].function_id == oci_functions_function.extract_features[0].id
    error_message = "What is posted goes to the function."
  }

  assert {
    condition     = oci_apigateway_deployment.events[0].specification[0].request_policies[0].authentication[0].is_anonymous_access_allowed == false
    error_message = "Nobody posts without a token."
  }

  assert {
    condition = length([
      for statement in oci_identity_policy.pipeline.statements : statement
      if strcontains(statement, "ApiGateway") && strcontains(statement, "target.function.id = '${oci_functions_function.extract_features[0].id}'")
    ]) == 1
    error_message = "The gateway may call this function, and no other."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    retention_hours    = 500
    function_memory_mb = 300
    batch              = { seconds = 1 }
    key_id             = "ocid1.key.oc1..k"
    gateway            = { subnet_id = "s", issuers = [], audiences = [], jwks_uri = "http://a" }
    subscriptions      = [{ protocol = "HTTPS", endpoint = "https://example.com" }]
  }

  expect_failures = [
    var.retention_hours, var.function_memory_mb, var.batch, var.key_id, var.gateway, var.subscriptions,
  ]
}

run "a_batch_of_nothing_is_refused" {
  command = plan

  variables {
    batch = { messages = 0 }
  }

  expect_failures = [var.batch]
}
