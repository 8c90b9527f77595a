//! Whether everything that a runbook names is there: steps, parameters, outputs.

use serde_json::Value;

use super::{Runbook, Step, Turn, actions, template};

/// What `onCancel` may not lead to.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html>
const NOT_ON_CANCEL: [&str; 9] = [
    "aws:approve",
    "aws:copyImage",
    "aws:createImage",
    "aws:createStack",
    "aws:createTags",
    "aws:loop",
    "aws:pause",
    "aws:runInstances",
    "aws:sleep",
];

impl Runbook {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.steps.is_empty() {
            return Err("mainSteps must be a list with at least one step".to_owned());
        }
        for (index, step) in self.steps.iter().enumerate() {
            if self.position(&step.name) != Some(index) {
                return Err(format!("two steps have the name {}", step.name));
            }
            self.check_leads(step)?;
            for reference in template::references(&Value::Object(step.inputs.clone())) {
                self.check_reference(&reference)
                    .map_err(|problem| format!("step {}: {problem}", step.name))?;
            }
        }
        self.check_for_circles()?;
        if let Some(role) = &self.assume_role {
            for reference in template::references(&Value::String(role.clone())) {
                self.check_reference(&reference)?;
            }
        }
        self.outputs
            .iter()
            .try_for_each(|output| self.check_reference(output))
    }

    fn check_leads(&self, step: &Step) -> Result<(), String> {
        let branches = actions::branch_targets(step);
        let leads = [&step.on_failure, &step.on_cancel]
            .into_iter()
            .filter_map(|turn| match turn {
                Turn::Step(name) => Some(name),
                Turn::Abort | Turn::Continue => None,
            })
            .chain(&step.next)
            .chain(&branches);
        for name in leads {
            if self.position(name).is_none() {
                return Err(format!(
                    "step {} leads to the step {name}, which does not exist",
                    step.name
                ));
            }
        }
        if let Turn::Step(name) = &step.on_cancel
            && let Some(target) = self.position(name)
            && NOT_ON_CANCEL.contains(&self.steps[target].action.as_str())
        {
            return Err(format!(
                "step {}: onCancel may not lead to the action {}",
                step.name, self.steps[target].action
            ));
        }
        Ok(())
    }

    /// No way through the steps may come back to one of them: "the system verifies that the runbook doesn't create an
    /// infinite loop".
    /// <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-branch-condition.html>
    fn check_for_circles(&self) -> Result<(), String> {
        for start in 0..self.steps.len() {
            let mut met = vec![false; self.steps.len()];
            let mut open = self.leads_of(start);
            while let Some(step) = open.pop() {
                if step == start {
                    let name = &self.steps[start].name;
                    return Err(format!(
                        "the steps make an infinite loop: one of the ways from {name} leads back to it"
                    ));
                }
                if !std::mem::replace(&mut met[step], true) {
                    open.extend(self.leads_of(step));
                }
            }
        }
        Ok(())
    }

    /// Where a step may lead to, by its place.
    fn leads_of(&self, index: usize) -> Vec<usize> {
        let step = &self.steps[index];
        let turns = [&step.on_failure, &step.on_cancel];
        let mut names: Vec<_> = turns
            .into_iter()
            .filter_map(|turn| match turn {
                Turn::Step(name) => Some(name.clone()),
                Turn::Abort | Turn::Continue => None,
            })
            .chain(actions::branch_targets(step))
            .collect();
        let mut leads = Vec::new();
        if !step.is_end {
            match &step.next {
                Some(next) => names.push(next.clone()),
                None if index + 1 < self.steps.len() => leads.push(index + 1),
                None => {}
            }
        }
        leads.extend(names.iter().filter_map(|name| self.position(name)));
        leads
    }

    /// A reference is a parameter, a global variable, or an output that some step has.
    fn check_reference(&self, reference: &str) -> Result<(), String> {
        if template::GLOBALS.contains(&reference) || self.parameters.contains_key(reference) {
            return Ok(());
        }
        let unknown =
            || format!("{{{{ {reference} }}}} is neither a parameter nor a step's output");
        let (step, output) = reference.split_once('.').ok_or_else(unknown)?;
        let step = &self.steps[self.position(step).ok_or_else(unknown)?];
        let declared = step.outputs.iter().any(|declared| declared.name == output);
        if declared || actions::built_in_outputs(&step.action).contains(&output) {
            Ok(())
        } else {
            Err(unknown())
        }
    }
}
