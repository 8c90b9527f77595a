"""Systems Manager: parameters, documents, automations, Run Command."""

import json

from cloud import QUICK, Case, client, newest_image, unique, until, until_seen

RUNBOOK = {
    "schemaVersion": "0.3",
    "description": "Starts an instance, and ends it.",
    "parameters": {"ImageId": {"type": "String"}},
    "mainSteps": [
        {
            "name": "launch", "action": "aws:executeAwsApi",
            "inputs": {
                "Service": "ec2", "Api": "RunInstances", "ImageId": "{{ ImageId }}", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
            },
            "outputs": [{"Name": "InstanceId", "Selector": "$.Instances[0].InstanceId", "Type": "String"}],
        },
        # What was just launched may not be seen yet, and the wait after this one forgives no such answer.
        {"name": "settle", "action": "aws:sleep", "inputs": {"Duration": "PT10S"}},
        {
            "name": "running", "action": "aws:waitForAwsResourceProperty", "timeoutSeconds": 600,
            "inputs": {
                "Service": "ec2", "Api": "DescribeInstances", "InstanceIds": ["{{ launch.InstanceId }}"],
                "PropertySelector": "$.Reservations[0].Instances[0].State.Name", "DesiredValues": ["running"],
            },
        },
        {
            "name": "terminate", "action": "aws:executeAwsApi", "isEnd": True,
            "inputs": {"Service": "ec2", "Api": "TerminateInstances", "InstanceIds": ["{{ launch.InstanceId }}"]},
        },
    ],
    "outputs": ["launch.InstanceId"],
}
WAITING = {
    "schemaVersion": "0.3",
    "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT2H"}, "isEnd": True}],
}


class Ssm(Case):
    @classmethod
    def setUpClass(cls):
        cls.ssm = client("ssm")

    def document(self, content):
        name = unique("Runbook")
        self.ssm.create_document(Name=name, Content=json.dumps(content), DocumentType="Automation", DocumentFormat="JSON")
        self.addCleanup(self.ssm.delete_document, Name=name)
        return name


class Parameters(Ssm):
    def test_a_parameter_lives_and_dies(self):
        name = f"/{unique('app')}/release"
        first = self.ssm.put_parameter(Name=name, Value="1", Type="String", Description="d", Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual((first["Version"], first["Tier"]), (1, "Standard"))
        with self.refused("ParameterAlreadyExists"):
            self.ssm.put_parameter(Name=name, Value="2", Type="String")
        self.assertEqual(self.ssm.put_parameter(Name=name, Value="2", Type="String", Overwrite=True)["Version"], 2)
        found = self.ssm.get_parameter(Name=name)["Parameter"]
        self.assertEqual((found["Value"], found["Version"], found["Type"]), ("2", 2, "String"))
        self.assertEqual(self.ssm.get_parameter(Name=f"{name}:1")["Parameter"]["Value"], "1")
        with self.refused("ParameterVersionNotFound"):
            self.ssm.get_parameter(Name=f"{name}:9")
        both = self.ssm.get_parameters(Names=[name, "/none"])
        self.assertEqual((len(both["Parameters"]), both["InvalidParameters"]), (1, ["/none"]))
        [shown] = self.ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
        self.assertEqual(shown["Name"], name)
        self.ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=[{"Key": "c", "Value": "d"}])
        self.ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=["a"])
        tags = self.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        self.assertEqual(tags, [{"Key": "c", "Value": "d"}])
        self.ssm.delete_parameter(Name=name)
        with self.refused("ParameterNotFound"):
            self.ssm.get_parameter(Name=name)
        with self.refused("ParameterNotFound"):
            self.ssm.delete_parameter(Name=name)

    def test_paths_are_paged(self):
        path = f"/{unique('path')}"
        for number in range(12):
            self.ssm.put_parameter(Name=f"{path}/deep/{number}", Value=str(number), Type="String")
        pages = list(self.ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True))
        self.assertGreaterEqual(len(pages), 2)
        self.assertEqual(sum(len(page["Parameters"]) for page in pages), 12)
        self.assertEqual(self.ssm.get_parameters_by_path(Path=path)["Parameters"], [])
        filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [path]}]
        pages = self.ssm.get_paginator("describe_parameters").paginate(ParameterFilters=filters, PaginationConfig={"PageSize": 5})
        names = [one["Name"] for page in pages for one in page["Parameters"]]
        self.assertEqual(len(names), 12)
        for some in (names[:10], names[10:]):
            gone = self.ssm.delete_parameters(Names=some)
            self.assertEqual((sorted(gone["DeletedParameters"]), gone["InvalidParameters"]), (sorted(some), []))

    def test_what_the_local_cloud_lacks_is_refused_by_name(self):
        with self.refused("InvalidAction", "ListAssociations"):
            self.ssm.list_associations()
        with self.refused("InvalidResourceId"):
            self.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/none")


class Documents(Ssm):
    def test_a_document_has_versions(self):
        name = self.document(RUNBOOK)
        with self.refused("DocumentAlreadyExists"):
            self.ssm.create_document(Name=name, Content=json.dumps(RUNBOOK), DocumentType="Automation", DocumentFormat="JSON")
        changed = json.dumps({**RUNBOOK, "description": "Changed."})
        updated = self.ssm.update_document(Name=name, Content=changed, DocumentFormat="JSON", DocumentVersion="$LATEST")
        self.assertEqual(updated["DocumentDescription"]["DocumentVersion"], "2")
        with self.refused("DuplicateDocumentContent"):
            self.ssm.update_document(Name=name, Content=changed, DocumentFormat="JSON", DocumentVersion="$LATEST")
        default = self.ssm.update_document_default_version(Name=name, DocumentVersion="2")["Description"]
        self.assertEqual(default["DefaultVersion"], "2")
        described = self.ssm.describe_document(Name=name)["Document"]
        self.assertEqual((described["DocumentType"], described["LatestVersion"], described["Status"]), ("Automation", "2", "Active"))
        got = self.ssm.get_document(Name=name, DocumentVersion="1", DocumentFormat="JSON")
        self.assertEqual(json.loads(got["Content"]), RUNBOOK)
        pages = self.ssm.get_paginator("list_document_versions").paginate(Name=name, PaginationConfig={"PageSize": 1})
        self.assertEqual(len([version for page in pages for version in page["DocumentVersions"]]), 2)
        mine = self.ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}, {"Key": "DocumentType", "Values": ["Automation"]}])
        self.assertIn(name, [one["Name"] for one in mine["DocumentIdentifiers"]])
        with self.refused("InvalidDocumentVersion"):
            self.ssm.describe_document(Name=name, DocumentVersion="9")

    def test_a_document_in_yaml_is_the_same_in_json(self):
        name = unique("Yaml")
        written = "schemaVersion: '0.3'\nmainSteps:\n  - {name: nap, action: 'aws:sleep', inputs: {Duration: PT1S}}\n"
        made = self.ssm.create_document(Name=name, Content=written, DocumentType="Automation", DocumentFormat="YAML")["DocumentDescription"]
        self.addCleanup(self.ssm.delete_document, Name=name)
        self.assertEqual(made["DocumentFormat"], "YAML")
        self.assertEqual(self.ssm.get_document(Name=name, DocumentFormat="YAML")["Content"], written)
        meant = {"schemaVersion": "0.3", "mainSteps": [{"name": "nap", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}]}
        got = self.ssm.get_document(Name=name)
        self.assertEqual((json.loads(got["Content"]), got["DocumentFormat"]), (meant, "JSON"))
        execution = self.ssm.start_automation_execution(DocumentName=name)["AutomationExecutionId"]
        until("it has ended", lambda: "Success" == self.ssm.get_automation_execution(
            AutomationExecutionId=execution
        )["AutomationExecution"]["AutomationExecutionStatus"])
        longer = written.replace("PT1S", "PT2S")
        self.ssm.update_document(Name=name, Content=longer, DocumentFormat="YAML", DocumentVersion="$LATEST")
        versions = self.ssm.list_document_versions(Name=name)["DocumentVersions"]
        self.assertEqual([one["DocumentFormat"] for one in versions], ["YAML", "YAML"])
        for wrong in ("a: [", "- a", longer.replace("PT2S", "{{ Wait }}"), longer.replace("'0.3'", "'9'"), longer.replace("aws:sleep", "aws:fly")):
            with self.subTest(wrong), self.refused("InvalidDocumentContent"):
                self.ssm.update_document(Name=name, Content=wrong, DocumentFormat="YAML", DocumentVersion="$LATEST")

    def test_documents_that_cannot_be_are_refused(self):
        with self.refused("InvalidDocument"):
            self.ssm.describe_document(Name=unique("None"))
        with self.refused("InvalidDocument"):
            self.ssm.delete_document(Name=unique("None"))
        with self.refused("InvalidDocumentContent"):
            self.ssm.create_document(Name=unique("Broken"), Content="{", DocumentType="Automation", DocumentFormat="JSON")


class Automations(Ssm):
    def test_a_runbook_is_carried_out(self):
        name = self.document(RUNBOOK)
        token = "a0a1a2a3-b0b1-4c0c-8d0d-" + unique("").replace("-", "").zfill(12)[-12:]
        settings = {"DocumentName": name, "Parameters": {"ImageId": [newest_image()]}, "ClientToken": token}
        execution = self.ssm.start_automation_execution(**settings)["AutomationExecutionId"]
        self.assertEqual(self.ssm.start_automation_execution(**settings)["AutomationExecutionId"], execution)

        def ended():
            shown = self.ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]
            return shown["AutomationExecutionStatus"] not in ("Pending", "InProgress") and shown

        shown = until("it has ended", ended)
        self.assertEqual(shown["AutomationExecutionStatus"], "Success", shown.get("FailureMessage"))
        self.assertEqual([step["StepStatus"] for step in shown["StepExecutions"]], ["Success"] * 4)
        [instance] = shown["Outputs"]["launch.InstanceId"]
        client("ec2").get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=QUICK)
        filters = [{"Key": "ExecutionId", "Values": [execution]}]
        [listed] = self.ssm.describe_automation_executions(Filters=filters)["AutomationExecutionMetadataList"]
        self.assertEqual(listed["DocumentName"], name)
        steps = self.ssm.describe_automation_step_executions(AutomationExecutionId=execution)["StepExecutions"]
        self.assertEqual([step["StepName"] for step in steps], ["launch", "settle", "running", "terminate"])

    def test_an_automation_is_stopped(self):
        execution = self.ssm.start_automation_execution(DocumentName=self.document(WAITING))["AutomationExecutionId"]
        self.ssm.stop_automation_execution(AutomationExecutionId=execution, Type="Cancel")
        until("it is cancelled", lambda: "Cancelled" == self.ssm.get_automation_execution(
            AutomationExecutionId=execution
        )["AutomationExecution"]["AutomationExecutionStatus"])

    def test_automations_that_cannot_be_are_refused(self):
        nowhere = "00000000-0000-4000-8000-000000000000"
        with self.refused("AutomationExecutionNotFoundException"):
            self.ssm.get_automation_execution(AutomationExecutionId=nowhere)
        with self.refused("AutomationExecutionNotFoundException"):
            self.ssm.stop_automation_execution(AutomationExecutionId=nowhere)
        with self.refused("AutomationDefinitionNotFoundException"):
            self.ssm.start_automation_execution(DocumentName=unique("None"))
        name = self.document(RUNBOOK)
        with self.refused("InvalidAutomationExecutionParametersException"):
            self.ssm.start_automation_execution(DocumentName=name, Parameters={"Surprise": ["x"]})
        with self.refused("InvalidAutomationExecutionParametersException"):
            self.ssm.start_automation_execution(DocumentName=name)

    def test_a_new_role_is_taken_on_when_it_is_seen(self):
        iam = client("iam")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        nap = {"name": "nap", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}

        def make():
            name = unique("bake")
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
            self.addCleanup(iam.delete_role, RoleName=name)
            return self.document({"schemaVersion": "0.3", "assumeRole": role, "mainSteps": [nap]})

        def start(document):
            self.ssm.start_automation_execution(DocumentName=document)

        start(self.unseen("InvalidAutomationExecutionParametersException", make, start))


class Commands(Ssm):
    def test_a_command_runs_on_an_instance(self):
        iam, ec2 = client("iam"), client("ec2")
        name = unique("agent")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        policy = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        iam.get_waiter("instance_profile_exists").wait(InstanceProfileName=name, WaiterConfig=QUICK)
        until_seen()
        run = ec2.run_instances(
            ImageId=newest_image(), InstanceType="t3.micro", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": name}
        )
        instance = run["Instances"][0]["InstanceId"]
        filters = [{"Key": "InstanceIds", "Values": [instance]}]
        online = until("its agent is online", lambda: [
            one for one in self.ssm.describe_instance_information(Filters=filters)["InstanceInformationList"] if one["PingStatus"] == "Online"
        ])
        self.assertEqual(online[0]["PlatformType"], "Linux")
        sent = self.ssm.send_command(
            InstanceIds=[instance], DocumentName="AWS-RunShellScript", Comment="conformance",
            Parameters={"commands": ["echo hello", "echo problem >&2", "exit 3"]},
        )["Command"]
        self.assertEqual(sent["InstanceIds"], [instance])
        ids = {"CommandId": sent["CommandId"], "InstanceId": instance}

        def ended():
            try:
                shown = self.ssm.get_command_invocation(**ids)
            except self.ssm.exceptions.InvocationDoesNotExist:  # for a moment, in AWS too
                return None
            return shown["Status"] not in ("Pending", "InProgress", "Delayed") and shown

        shown = until("the command has ended", ended)
        self.assertEqual((shown["Status"], shown["ResponseCode"]), ("Failed", 3))
        self.assertEqual(shown["StandardOutputContent"], "hello\n")
        self.assertIn("problem", shown["StandardErrorContent"])
        again = self.ssm.send_command(InstanceIds=[instance], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]})
        self.ssm.get_waiter("command_executed").wait(
            CommandId=again["Command"]["CommandId"], InstanceId=instance, WaiterConfig=QUICK
        )
        [listed] = self.ssm.list_commands(CommandId=sent["CommandId"])["Commands"]
        self.assertEqual(listed["Status"], "Failed")
        [invocation] = self.ssm.list_command_invocations(CommandId=sent["CommandId"], Details=True)["CommandInvocations"]
        self.assertEqual(invocation["CommandPlugins"][0]["ResponseCode"], 3)
        self.ssm.cancel_command(CommandId=sent["CommandId"])
        ec2.terminate_instances(InstanceIds=[instance])
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
        iam.delete_instance_profile(InstanceProfileName=name)
        iam.detach_role_policy(RoleName=name, PolicyArn=policy)
        iam.delete_role(RoleName=name)

    def test_commands_that_cannot_be_are_refused(self):
        nowhere = "i-00000000000000001"
        with self.refused("InvalidInstanceId"):
            self.ssm.send_command(InstanceIds=[nowhere], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]})
        with self.refused("InvalidDocument"):
            self.ssm.send_command(InstanceIds=[nowhere], DocumentName=unique("None"))
        with self.refused("InvocationDoesNotExist"):
            self.ssm.get_command_invocation(CommandId="00000000-0000-4000-8000-000000000000", InstanceId=nowhere)
        with self.refused("InvalidCommandId"):
            self.ssm.cancel_command(CommandId="00000000-0000-4000-8000-000000000000")
