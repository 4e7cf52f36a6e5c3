"""DeleteSecurityGroup is refused while something uses the group: DependencyViolation.

That is an instance that has not ended (also one that is stopped or still shutting down), a network interface, or a rule
of another group that refers to it. A default group is never deleted (CannotDelete).
"""

from moto.ec2.models.security_groups import SecurityGroupBackend

from lab import Refusal, around


def find(backend, name, group_id):
    for group in backend.describe_security_groups():
        if group.id == group_id or (group_id is None and group.name == name):
            return group
    return None


def in_use(backend, group):
    instances = [instance for instance in backend.all_instances() if instance.state != "terminated"]
    if any(group in instance.security_groups for instance in instances):
        return True
    if any(group.id == used.id for nic in backend.enis.values() for used in nic.group_set):
        return True
    others = [other for other in backend.describe_security_groups() if other is not group]
    rules = [rule for other in others for rule in other.ingress_rules + other.egress_rules]
    return any(rule.source_group.get("GroupId") == group.id for rule in rules)


def install(_):
    @around(SecurityGroupBackend, "delete_security_group")
    def delete(original, backend, name=None, group_id=None):
        group = find(backend, name, group_id)
        if group and group.name == "default":
            message = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
            raise Refusal("CannotDelete", message)
        if group and in_use(backend, group):
            raise Refusal("DependencyViolation", f"resource {group.id} has a dependent object")
        return original(backend, name=name, group_id=group_id)
