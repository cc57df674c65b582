"""Who is told when something breaks, and a record of the connections that were refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_aws import cloudwatch, ec2, iam, sns

from cloud_init import ports
from components.edge import Edge
from components.identity import allow, policy, trust
from components.naming import PROJECT, name_tag, token

MINUTE = 60  # seconds
LOG_DAYS = 30
OF_USE = "DatabaseOfUse"  # what a database server's failover unit tells every minute: 1, or 0 (agent/member/gauge.py)


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    stack: str
    vpc_id: pulumi.Input[str]
    instance_ids: Mapping[str, pulumi.Input[str]]  # by server
    databases: Sequence[str]  # the servers that have one
    edge: Edge
    lease_table: pulumi.Input[str]
    email: str | None


class Monitoring(pulumi.ComponentResource):
    """Alarms go to one topic, and from there to the address of `alarms.email` when there is one."""

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: MonitoringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(token("monitoring", "Monitoring"), name, {}, opts)
        self._own = ResourceOptions(parent=self)
        topic = sns.Topic(name, tags=name_tag(name), opts=self._own)
        self.topic_arn = topic.arn
        if args.email is not None:
            sns.TopicSubscription(name, topic=topic.arn, protocol="email", endpoint=args.email, opts=self._own)
        for server, instance_id in args.instance_ids.items():
            self._alarm(
                f"{name}-{server}-broken",
                "AWS's own checks of the machine or its host fail",
                namespace="AWS/EC2",
                metric_name="StatusCheckFailed",
                dimensions={"InstanceId": instance_id},
                statistic="Maximum",
                comparison_operator="GreaterThanOrEqualToThreshold",
                threshold=1,
                period=MINUTE,
                evaluation_periods=2,
                treat_missing_data="breaching",
            )
            # Unlimited burst is the default of T3 and T4g: a balance of nothing costs money, then speed.
            self._alarm(
                f"{name}-{server}-busy",
                "The processor has been nearly fully used for a quarter of an hour",
                namespace="AWS/EC2",
                metric_name="CPUUtilization",
                dimensions={"InstanceId": instance_id},
                statistic="Average",
                comparison_operator="GreaterThanThreshold",
                threshold=90,
                period=5 * MINUTE,
                evaluation_periods=3,
                treat_missing_data="missing",
            )
        requests = args.edge.targets[ports.HAPROXY_TLS]
        self._alarm(
            f"{name}-unhealthy",
            "The front door counts a server as unhealthy",
            namespace="AWS/NetworkELB",
            metric_name="UnHealthyHostCount",
            dimensions={"LoadBalancer": args.edge.balancer.arn_suffix, "TargetGroup": requests.arn_suffix},
            statistic="Maximum",
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            period=MINUTE,
            evaluation_periods=3,
            treat_missing_data="breaching",
        )
        # Who may write renews the lease five times in its ttl. DynamoDB counts each minute's writes, and says nothing of none:
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
        self._alarm(
            f"{name}-primary",
            "Nobody renews the lease: no database accepts writes, or all have lost the lease's table",
            namespace="AWS/DynamoDB",
            metric_name="ConsumedWriteCapacityUnits",
            dimensions={"TableName": args.lease_table},
            statistic="Sum",
            comparison_operator="LessThanThreshold",
            threshold=1,
            period=MINUTE,
            evaluation_periods=2,
            treat_missing_data="breaching",
        )
        # A backup that could not take over is missed by nobody until the primary dies.
        for server in args.databases:
            self._alarm(
                f"{name}-{server}-database",
                "Its database is neither the primary nor a replica that keeps up: `make status` and its /health say why",
                namespace=PROJECT,
                metric_name=OF_USE,
                dimensions={"Stack": args.stack, "Server": server},
                statistic="Maximum",
                comparison_operator="LessThanThreshold",
                threshold=1,
                period=MINUTE,
                evaluation_periods=5,
                treat_missing_data="breaching",
            )
        self._alarm(
            f"{name}-certificate",
            "The front door's certificate runs out in less than four weeks: pulumi up renews it",
            namespace="AWS/CertificateManager",
            metric_name="DaysToExpiry",
            dimensions={"CertificateArn": args.edge.certificate_arn},
            statistic="Minimum",
            comparison_operator="LessThanThreshold",
            threshold=28,
            period=24 * 60 * MINUTE,
            evaluation_periods=1,
            treat_missing_data="missing",
        )
        self._flow_log(f"{name}-refused", args.vpc_id)
        self.register_outputs({"topic_arn": self.topic_arn})

    def _alarm(self, name: str, meaning: str, **metric: object) -> None:
        cloudwatch.MetricAlarm(
            name,
            alarm_description=meaning,
            alarm_actions=[self.topic_arn],
            ok_actions=[self.topic_arn],
            tags=name_tag(name),
            opts=self._own,
            **metric,
        )

    def _flow_log(self, name: str, vpc_id: pulumi.Input[str]) -> None:
        group = cloudwatch.LogGroup(name, retention_in_days=LOG_DAYS, tags=name_tag(name), opts=self._own)
        role = iam.Role(
            name,
            assume_role_policy=trust("vpc-flow-logs.amazonaws.com"),
            description="VPC flow logs, to write to their log group",
            tags=name_tag(name),
            opts=self._own,
        )
        write = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
        permissions = iam.RolePolicy(
            name,
            role=role.id,
            policy=group.arn.apply(
                lambda arn: policy(
                    allow("FindLogGroup", ["logs:DescribeLogGroups"], "*"), allow("WriteFlows", write, [arn, f"{arn}:*"])
                )
            ),
            opts=self._own,
        )
        ec2.FlowLog(
            name,
            vpc_id=vpc_id,
            traffic_type="REJECT",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=name_tag(name),
            opts=ResourceOptions(parent=self, depends_on=[permissions]),
        )
