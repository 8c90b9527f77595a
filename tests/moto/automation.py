"""SSM Automation, which moto does not have: carries out the steps of a runbook by moto's own operations.

The runbook is read from moto, where the deployer has put it; every step is done as AWS documents its action:
https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html. An action, a reference or an input that
is not known here fails the step.
"""

import base64
import hashlib
import io
import json
import re
import tarfile
import threading
import uuid

import botocore
import botocore.exceptions

REFERENCE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


class Refused(Exception):
    """AWS's code for it, and words."""

    def __init__(self, code, words):
        super().__init__(words)
        self.code = code


class Cancelled(Exception):
    pass


class Automations:
    """The executions, and what the bakes among them have put into instances and images."""

    def __init__(self, cloud, clock):
        self.cloud, self.clock = cloud, clock
        self.all, self.tokens = {}, {}
        self.contents = {}  # by the id of an instance or an image: the version that its artifact says

    # The four operations; each takes the request's JSON and answers with that of the answer.

    def start(self, request):
        token = request.get("ClientToken", str(uuid.uuid4()))
        if token in self.tokens:
            before, one = self.tokens[token]
            if before != request:
                raise Refused("IdempotentParameterMismatch", token)
            return {"AutomationExecutionId": one}
        wanted = {key: request[key] for key in ("DocumentVersion",) if key in request}
        try:
            found = self.cloud.ssm.get_document(Name=request["DocumentName"], DocumentFormat="JSON", **wanted)
        except botocore.exceptions.ClientError as error:
            raise Refused("AutomationDefinitionNotFoundException", str(error)) from error
        runbook = json.loads(found["Content"])
        given = {name: values[0] for name, values in request.get("Parameters", {}).items()}
        one = Execution(self, found, runbook, check(runbook["parameters"], given))
        self.all[one.id], self.tokens[token] = one, (request, one.id)
        one.thread.start()
        return {"AutomationExecutionId": one.id}

    def get(self, request):
        return {"AutomationExecution": self._find(request).describe()}

    def describe(self, request):
        found = [one.describe() for one in self.all.values()]
        for wanted in request.get("Filters", []):
            values = wanted["Values"]
            if wanted["Key"] == "DocumentNamePrefix":
                found = [one for one in found if one["DocumentName"].startswith(tuple(values))]
            elif wanted["Key"] == "ExecutionStatus":
                found = [one for one in found if one["AutomationExecutionStatus"] in values]
            else:
                raise Refused("InvalidFilterKey", wanted["Key"])
        # A list tells neither of steps nor of parameters.
        for one in found:
            del one["StepExecutions"], one["Parameters"]
        return {"AutomationExecutionMetadataList": found}

    def stop(self, request):
        if request.get("Type", "Cancel") != "Cancel":
            raise Refused("InvalidParameters", "only Cancel is known here")
        one = self._find(request)
        with one.changing:
            if one.status != "InProgress":
                raise Refused("InvalidAutomationStatusUpdateException", f"it is {one.status}")
            one.status = "Cancelling"
        one.cancelled.set()
        return {}

    def _find(self, request):
        if request["AutomationExecutionId"] not in self.all:
            raise Refused("AutomationExecutionNotFoundException", request["AutomationExecutionId"])
        return self.all[request["AutomationExecutionId"]]


def check(known, given):
    """The parameters as the steps get them; refuses what AWS refuses."""
    unknown, absent = given.keys() - known.keys(), known.keys() - given.keys()
    if unknown or absent:
        raise Refused("InvalidAutomationExecutionParametersException", f"unknown {unknown}, absent {absent}")
    for name, value in given.items():
        if not re.search(known[name].get("allowedPattern", ""), value):
            raise Refused("InvalidAutomationExecutionParametersException", f"{name} is {value!r}")
    return {name: int(value) if known[name]["type"] == "Integer" else value for name, value in given.items()}


class Execution:
    def __init__(self, automations, document, runbook, parameters):
        self.automations, self.cloud, self.clock = automations, automations.cloud, automations.clock
        self.document, self.runbook, self.parameters = document, runbook, parameters
        self.id, self.status = str(uuid.uuid4()), "InProgress"
        self.started, self.ended = self.clock.now(), None
        self.steps = {step["name"]: {"StepName": step["name"], "StepStatus": "Pending"} for step in runbook["mainSteps"]}
        self.current = runbook["mainSteps"][0]["name"]
        self.known = dict(parameters)  # what `{{ ... }}` may name
        # Once it heeds a cancellation, what is still to be done is done whatever happens.
        self.cancelled, self.heeds, self.changing = threading.Event(), True, threading.Lock()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def describe(self):
        ended = {"ExecutionEndTime": self.ended} if self.ended else {}
        return ended | {
            "AutomationExecutionId": self.id,
            "AutomationExecutionStatus": self.status,
            "DocumentName": self.document["Name"],
            "DocumentVersion": self.document["DocumentVersion"],
            "ExecutionStartTime": self.started,
            "CurrentStepName": self.current,
            "Parameters": {name: [str(value)] for name, value in self.parameters.items()},
            "StepExecutions": [dict(step) for step in self.steps.values()],
        }

    def run(self):
        order = self.runbook["mainSteps"]
        at, outcome = 0, "Success"
        while at is not None:
            step = order[at]
            self.current = step["name"]
            at, failed = self.carry_out(step, at)
            outcome = failed or outcome
        with self.changing:
            self.ended = self.clock.now()
            self.status = outcome if self.heeds else "Cancelled"

    def carry_out(self, step, at):
        """Answers with the place of the next step, and with what the whole has come to if this one did not go well."""
        told = self.steps[step["name"]]
        told |= {"StepStatus": "InProgress", "Action": step["action"]}
        try:
            if self.heeds and self.cancelled.is_set():
                raise Cancelled
            inputs = self.fill(step.get("inputs", {}))
            action = step["action"].removeprefix("aws:")
            jump, outputs = getattr(self, "do_" + re.sub("(?=[A-Z])", "_", action).lower())(step, inputs)
        except Cancelled:
            told["StepStatus"], self.heeds = "Cancelled", False
            return self.after(step.get("onCancel", "Abort"), at), "Cancelled"
        except Exception as error:  # whatever it is: the step has failed, and says why
            told |= {"StepStatus": "Failed", "FailureMessage": f"{type(error).__name__}: {error}"}
            return self.after(step.get("onFailure", "Abort"), at), "Failed"
        for name, value in outputs.items():
            self.known[f"{step['name']}.{name}"] = value
        outputs = {name: [str(one) for one in (value if isinstance(value, list) else [value])] for name, value in outputs.items()}
        told |= {"StepStatus": "Success", "Outputs": outputs}
        if jump:
            return self.place(jump), None
        if step.get("isEnd"):
            return None, None
        return self.place(step["nextStep"]) if "nextStep" in step else self.following(at), None

    def after(self, way, at):
        if way == "Abort":
            return None
        return self.following(at) if way == "Continue" else self.place(way.removeprefix("step:"))

    def place(self, name):
        return list(self.steps).index(name)

    def following(self, at):
        return at + 1 if at + 1 < len(self.steps) else None

    def fill(self, value):
        """A reference that is all of a text stands for its value, whatever its type; a list in a list is one list."""
        if isinstance(value, dict):
            return {key: self.fill(inner) for key, inner in value.items()}
        if isinstance(value, list):
            filled = [self.fill(inner) for inner in value]
            return [one for inner in filled for one in (inner if isinstance(inner, list) else [inner])]
        if not isinstance(value, str):
            return value
        whole = REFERENCE.fullmatch(value)
        if whole:
            return self.known[whole[1]]
        return REFERENCE.sub(lambda found: str(self.known[found[1]]), value)

    def pause(self, seconds):
        if self.clock.wait(self.cancelled if self.heeds else threading.Event(), seconds):
            raise Cancelled

    # The actions: each answers with the step to go to, if it says one, and with its outputs.

    def do_sleep(self, _, inputs):
        self.pause(int(re.fullmatch(r"PT(\d+)S", inputs["Duration"])[1]))
        return None, {}

    def do_execute_aws_api(self, step, inputs):
        answer = self.call(inputs)
        if inputs["Api"] == "CreateImage":
            self.automations.contents[answer["ImageId"]] = self.automations.contents[inputs["InstanceId"]]
        outputs = {}
        for output in step.get("outputs", []):
            value = select(answer, output["Selector"])
            outputs[output["Name"]] = str(value) if output["Type"] == "String" else value
        return None, outputs

    def do_wait_for_aws_resource_property(self, step, inputs):
        until = self.clock.now() + step.get("timeoutSeconds", 3600)
        while True:
            try:
                seen = self.property(inputs)
            except (IndexError, KeyError):
                seen = None  # nothing there yet
            if seen in inputs["DesiredValues"]:
                return None, {}
            if self.clock.now() > until:
                raise TimeoutError(f"{inputs['PropertySelector']} is {seen}")
            self.pause(5)

    def do_assert_aws_resource_property(self, _, inputs):
        seen = self.property(inputs)
        if seen not in inputs["DesiredValues"]:
            raise AssertionError(f"{inputs['PropertySelector']} is {seen}")
        return None, {}

    def do_branch(self, _, inputs):
        for choice in inputs["Choices"]:
            if all(holds(one) for one in choice.get("And", [choice])):
                return choice["NextStep"], {}
        return inputs.get("Default"), {}

    def do_run_instances(self, _, inputs):
        launch = dict(inputs)
        launch["MinCount"], launch["MaxCount"] = launch.pop("MinInstanceCount"), launch.pop("MaxInstanceCount")
        launch["IamInstanceProfile"] = {"Name": launch.pop("IamInstanceProfileName")}
        launch["UserData"] = base64.b64decode(launch["UserData"])  # boto3 encodes it itself
        made = self.cloud.ec2.run_instances(**launch)["Instances"]
        ids = [instance["InstanceId"] for instance in made]
        self.cloud.ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        return None, {"InstanceIds": ids, "InstanceStates": ["running" for _ in ids]}

    def do_change_instance_state(self, _, inputs):
        act = {"stopped": self.cloud.ec2.stop_instances, "terminated": self.cloud.ec2.terminate_instances}[inputs["DesiredState"]]
        act(InstanceIds=inputs["InstanceIds"])
        waiter = self.cloud.ec2.get_waiter(f"instance_{inputs['DesiredState']}")
        waiter.wait(InstanceIds=inputs["InstanceIds"], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
        return None, {}

    def do_run_command(self, _, inputs):
        parameters = {key: value if isinstance(value, list) else [value] for key, value in inputs["Parameters"].items()}
        self.cloud.ssm.send_command(DocumentName=inputs["DocumentName"], InstanceIds=inputs["InstanceIds"], Parameters=parameters)
        # moto keeps the command, and no instance of it carries one out: what the script installs is read here.
        for instance in inputs["InstanceIds"]:
            self.automations.contents[instance] = self.installed_by("\n".join(parameters["commands"]))
        return None, {"Output": "done"}

    def installed_by(self, script):
        """What the artifact's file `version` says in the bundle that the script fetches, by the hash that the script checks."""
        bucket, key = re.search(r"'s3://([^/']+)/([^']+)'", script).groups()
        wanted = re.search(r"'([0-9a-f]{64}) '", script)[1]
        bundle = self.cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        found = hashlib.sha256(bundle).hexdigest()
        if found != wanted:
            raise AssertionError(f"s3://{bucket}/{key} is {found}, and the script wants {wanted}")
        with tarfile.open(fileobj=io.BytesIO(bundle)) as files:
            return files.extractfile("app/version").read().decode().strip()

    def call(self, inputs):
        arguments = {key: value for key, value in inputs.items() if key not in ("Service", "Api")}
        for extra in ("PropertySelector", "DesiredValues"):
            arguments.pop(extra, None)
        service = getattr(self.cloud, inputs["Service"])
        return getattr(service, botocore.xform_name(inputs["Api"]))(**arguments)

    def property(self, inputs):
        return select(self.call(inputs), inputs["PropertySelector"])


def select(answer, selector):
    """`$.Images[0].State`"""
    for key, index in re.findall(r"(\w+)|\[(\d+)\]", selector.removeprefix("$")):
        answer = answer[key] if key else answer[int(index)]
    return answer


def holds(condition):
    variable = str(condition["Variable"])
    if "StringEquals" in condition:
        return variable == str(condition["StringEquals"])
    if "Contains" in condition:
        return str(condition["Contains"]) in variable
    raise ValueError(f"a condition that is not known here: {condition}")
