//! Calls as an SDK sends them, and what comes back.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::call;
use crate::account::{Account, ApiError};
use crate::pace::Pace;
use crate::wire::params::Params;

struct World(Account);

impl World {
    fn new() -> Self {
        Self(Account::new(5, SystemTime::UNIX_EPOCH, Pace::aws()))
    }

    fn try_call(&mut self, operation: &str, params: Value) -> Result<Value, ApiError> {
        call(&mut self.0, operation, Params::from_json(params)).map(|answer| answer.to_json())
    }

    fn call(&mut self, operation: &str, params: Value) -> Value {
        self.try_call(operation, params).expect(operation)
    }

    fn code(&mut self, operation: &str, params: Value) -> String {
        self.try_call(operation, params).expect_err(operation).code
    }

    fn load_balancer(&mut self, name: &str) -> String {
        let subnets: Vec<_> = self.0.ec2.subnets.keys().cloned().collect();
        let made = self.call(
            "CreateLoadBalancer",
            json!({"Name": name, "Subnets": subnets}),
        );
        text(&made["LoadBalancers"][0]["LoadBalancerArn"])
    }

    fn group(&mut self, name: &str) -> String {
        let made = self.call("CreateTargetGroup", group(name, 80));
        text(&made["TargetGroups"][0]["TargetGroupArn"])
    }

    fn listener(&mut self, load_balancer: &str, port: u16, group: &str) -> String {
        let made = self.call("CreateListener", listener(load_balancer, port, group));
        text(&made["Listeners"][0]["ListenerArn"])
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn group(name: &str, port: u16) -> Value {
    json!({"Name": name, "Protocol": "HTTP", "Port": port, "VpcId": "vpc-0a1b2c3d4e5f60000"})
}

fn listener(load_balancer: &str, port: u16, group: &str) -> Value {
    json!({
        "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": port,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}]
    })
}

#[test]
fn a_weight_that_is_left_out_becomes_1_and_a_modified_action_is_replaced_as_a_whole() {
    let mut world = World::new();
    let load_balancer = world.load_balancer("hello");
    let (blue, green) = (world.group("blue"), world.group("green"));
    let listener = world.listener(&load_balancer, 8080, &blue);
    let sticky = json!({"Enabled": true, "DurationSeconds": 60});
    let both = json!([{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green}]);
    let mut modify = |config: Value| {
        let action = json!([{"Type": "forward", "ForwardConfig": config}]);
        let params = json!({"ListenerArn": listener, "DefaultActions": action});
        let changed = world.call("ModifyListener", params);
        changed["Listeners"][0]["DefaultActions"][0]["ForwardConfig"].clone()
    };
    let shown = modify(json!({"TargetGroups": both, "TargetGroupStickinessConfig": sticky}));
    assert_eq!(shown["TargetGroups"][0]["Weight"], 0);
    assert_eq!(shown["TargetGroups"][1]["Weight"], 1);
    assert_eq!(shown["TargetGroupStickinessConfig"], sticky);
    let shown = modify(json!({"TargetGroups": [{"TargetGroupArn": blue, "Weight": 5}]}));
    assert_eq!(shown["TargetGroups"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        shown["TargetGroupStickinessConfig"],
        json!({"Enabled": false})
    );
}

#[test]
fn a_create_of_the_same_again_answers_the_same_and_of_something_else_is_refused() {
    let mut world = World::new();
    assert_eq!(world.load_balancer("hello"), world.load_balancer("hello"));
    assert_eq!(world.group("blue"), world.group("blue"));
    assert_eq!(
        world.code("CreateTargetGroup", group("blue", 81)),
        "DuplicateTargetGroupName"
    );
    let subnets: Vec<_> = world.0.ec2.subnets.keys().cloned().collect();
    let internal = json!({"Name": "hello", "Subnets": subnets, "Scheme": "internal"});
    assert_eq!(
        world.code("CreateLoadBalancer", internal),
        "DuplicateLoadBalancerName"
    );
}

#[test]
fn what_aws_refuses_of_listeners_is_refused_with_its_code() {
    let mut world = World::new();
    world.0.elbv2.lowest_port = 1024;
    let (first, second) = (world.load_balancer("first"), world.load_balancer("second"));
    let (blue, spare) = (world.group("blue"), world.group("spare"));
    let made = world.listener(&first, 8080, &blue);
    let (missing, weight) = (
        format!("{blue}x"),
        json!([{"TargetGroupArn": spare, "Weight": 1000}]),
    );
    let too_heavy = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": weight}}]);
    for (operation, params, code) in [
        (
            "CreateListener",
            listener(&first, 8080, &blue),
            "DuplicateListener",
        ),
        (
            "CreateListener",
            listener(&first, 80, &blue),
            "OperationNotPermitted",
        ),
        (
            "CreateListener",
            listener(&second, 8080, &spare),
            "OperationNotPermitted",
        ),
        (
            "CreateListener",
            listener(&second, 8081, &blue),
            "TargetGroupAssociationLimit",
        ),
        (
            "CreateListener",
            listener(&first, 8081, &missing),
            "TargetGroupNotFound",
        ),
        (
            "ModifyListener",
            json!({"ListenerArn": made, "DefaultActions": too_heavy}),
            "ValidationError",
        ),
        (
            "DeleteListener",
            json!({"ListenerArn": format!("{made}x")}),
            "ListenerNotFound",
        ),
    ] {
        assert_eq!(world.code(operation, params), code, "{operation}");
    }
}

#[test]
fn what_aws_refuses_of_target_groups_and_what_it_does_not_know_is_refused_with_its_code() {
    let mut world = World::new();
    let first = world.load_balancer("first");
    let (blue, spare) = (world.group("blue"), world.group("spare"));
    world.listener(&first, 8080, &blue);
    let missing = format!("{blue}x");
    for (operation, params, code) in [
        (
            "DeleteTargetGroup",
            json!({"TargetGroupArn": blue}),
            "ResourceInUse",
        ),
        (
            "DescribeLoadBalancers",
            json!({"Names": ["third"]}),
            "LoadBalancerNotFound",
        ),
        (
            "DescribeTargetHealth",
            json!({"TargetGroupArn": missing}),
            "TargetGroupNotFound",
        ),
        (
            "DescribeTags",
            json!({"ResourceArns": [missing]}),
            "TargetGroupNotFound",
        ),
        (
            "RegisterTargets",
            json!({"TargetGroupArn": blue, "Targets": [{"Id": "i-0123456789abcdef0"}]}),
            "InvalidTarget",
        ),
        (
            "DeleteTargetGroup",
            json!({"TargetGroupArn": spare, "Force": true}),
            "UnknownParameter",
        ),
        ("DescribeEverything", json!({}), "InvalidAction"),
    ] {
        assert_eq!(world.code(operation, params), code, "{operation}");
    }
}

#[test]
fn long_lists_come_in_pages() {
    let mut world = World::new();
    for number in 0..5 {
        world.group(&format!("group-{number}"));
    }
    let mut names = Vec::new();
    let mut marker = Value::Null;
    for _ in 0..3 {
        let page = world.call(
            "DescribeTargetGroups",
            json!({"PageSize": 2, "Marker": marker}),
        );
        let groups = page["TargetGroups"].as_array().expect("a list");
        names.extend(groups.iter().map(|group| text(&group["TargetGroupName"])));
        marker = page["NextMarker"].clone();
    }
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!(marker, Value::Null);
}
