"""SNS: topics and who listens to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pulumi_aws import sns

from local.provider.aws.fields import UNSET, changed
from local.provider.aws.lb import attribute_text, attribute_value
from local.provider.aws.policies import in_words_of, same_policy
from local.provider.aws.tagging import update_tags
from local.provider.resource import AutoName, Inputs, Outputs, Property, Resource, same_json
from local.provider.session import Aws, found
from local.provider.tags import as_dict, as_list

GONE = "NotFound"
CONFIRMED_WITHIN_S = 120
TOPIC = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoTopic": "FifoTopic",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
COMPUTED = ("policy", "signatureVersion", "tracingConfig")  # what the program leaves out is left as it is
SUBSCRIPTION = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
}
TEXTS = ("displayName", "kmsMasterKeyId", "ownerId", "owner")


def attributes(inputs: Inputs, names: Iterable[str], known: dict[str, str]) -> dict[str, str]:
    """AWS keeps attributes as text; what is unset or false is left to AWS."""
    return {known[name]: attribute_text(inputs[name]) for name in names if inputs.get(name) not in (*UNSET, False)}


def properties(answer: dict[str, str], known: dict[str, str]) -> dict[str, Any]:
    return {
        name: answer[key] if name in TEXTS else attribute_value(answer[key])
        for name, key in known.items()
        if answer.get(key) not in UNSET
    }


def create_topic(aws: Aws, inputs: Inputs) -> str:
    """CreateTopic of a name that is there already, with the same attributes and tags, gives that topic."""
    given = attributes(inputs, TOPIC, TOPIC)
    return aws.client("sns").create_topic(Name=inputs["name"], Attributes=given, Tags=as_list(inputs["tagsAll"]))["TopicArn"]


def topic_named(aws: Aws, inputs: Inputs) -> list[str]:
    return [f"arn:aws:sns:{aws.region}:{aws.account}:{inputs['name']}"]


def read_topic(aws: Aws, id: str, inputs: Inputs) -> Outputs | None:
    client = aws.client("sns")
    answer = found(lambda: client.get_topic_attributes(TopicArn=id), GONE)
    if not answer:
        return None
    return {
        "fifoTopic": False,
        **properties(answer["Attributes"], {**TOPIC, "arn": "TopicArn", "owner": "Owner"}),
        "name": id.rsplit(":", 1)[-1],
        "policy": in_words_of(inputs.get("policy"), answer["Attributes"]["Policy"]),
        "tags": as_dict(client.list_tags_for_resource(ResourceArn=id)["Tags"]),
    }


def update_topic(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    client = aws.client("sns")
    for name, key in TOPIC.items():
        unset = news.get(name) in UNSET
        if changed(olds, news, name) and not (unset and name in COMPUTED):
            value = "" if unset else attribute_text(news[name])
            client.set_topic_attributes(TopicArn=id, AttributeName=key, AttributeValue=value)
    update_tags(
        olds,
        news,
        put=lambda tags: client.tag_resource(ResourceArn=id, Tags=tags),
        remove=lambda keys: client.untag_resource(ResourceArn=id, TagKeys=keys),
    )


def delete_topic(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("sns").delete_topic(TopicArn=id), GONE)


def subscribe(aws: Aws, inputs: Inputs) -> str:
    """Subscribing the same endpoint again gives the same subscription. Mail and web hooks confirm in their own time."""
    client = aws.client("sns")
    arn = client.subscribe(
        TopicArn=inputs["topic"],
        Protocol=inputs["protocol"],
        Endpoint=inputs["endpoint"],
        Attributes=attributes(inputs, SUBSCRIPTION, SUBSCRIPTION),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    by_a_person = "email" in inputs["protocol"] or ("http" in inputs["protocol"] and not inputs["endpointAutoConfirms"])
    if not by_a_person:
        aws.wait(
            f"SNS Topic Subscription ({arn}) confirmation",
            lambda: client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"].get("PendingConfirmation") != "true",
            CONFIRMED_WITHIN_S,
        )
    return arn


def read_subscription(aws: Aws, id: str, _inputs: Inputs) -> Outputs | None:
    answer = found(lambda: aws.client("sns").get_subscription_attributes(SubscriptionArn=id), GONE)
    if not answer:
        return None
    known = {
        **SUBSCRIPTION,
        "arn": "SubscriptionArn",
        "confirmationWasAuthenticated": "ConfirmationWasAuthenticated",
        "ownerId": "Owner",
        "pendingConfirmation": "PendingConfirmation",
    }
    plain = {"endpoint": "Endpoint", "protocol": "Protocol", "topic": "TopicArn"}
    return {
        **properties(answer["Attributes"], known),
        **{name: answer["Attributes"].get(key) for name, key in plain.items()},
    }


def update_subscription(aws: Aws, id: str, olds: Inputs, news: Inputs) -> None:
    for name, key in SUBSCRIPTION.items():
        if changed(olds, news, name):
            empty = "{}" if key == "FilterPolicy" else ""
            value = empty if news.get(name) in UNSET else attribute_text(news[name])
            aws.client("sns").set_subscription_attributes(SubscriptionArn=id, AttributeName=key, AttributeValue=value)


def unsubscribe(aws: Aws, id: str, _inputs: Inputs) -> None:
    found(lambda: aws.client("sns").unsubscribe(SubscriptionArn=id), GONE, "InvalidParameter")


RESOURCES = (
    Resource(
        token="aws:sns/topic:Topic",
        source="internal/service/sns/topic.go",
        args=sns.TopicArgs,
        name=AutoName(max_length=80),
        properties={
            "contentBasedDeduplication": Property(default=False),
            "deliveryPolicy": Property(same=same_json),
            "displayName": Property(),
            "fifoTopic": Property(force_new=True, default=False),
            "kmsMasterKeyId": Property(),
            "name": Property(force_new=True, computed=True),
            "policy": Property(computed=True, same=same_policy),
            "signatureVersion": Property(computed=True),
            "tracingConfig": Property(computed=True),
        },
        outputs_unknown=("arn", "owner"),
        create=create_topic,
        read=read_topic,
        update=update_topic,
        delete=delete_topic,
        find=topic_named,
    ),
    Resource(
        token="aws:sns/topicSubscription:TopicSubscription",
        source="internal/service/sns/topic_subscription.go",
        args=sns.TopicSubscriptionArgs,
        properties={
            "confirmationTimeoutInMinutes": Property(default=1),
            "deliveryPolicy": Property(same=same_json),
            "endpoint": Property(force_new=True),
            "endpointAutoConfirms": Property(default=False),
            "filterPolicy": Property(same=same_json),
            "filterPolicyScope": Property(computed=True),
            "protocol": Property(force_new=True),
            "rawMessageDelivery": Property(default=False),
            "redrivePolicy": Property(same=same_json),
            "topic": Property(force_new=True),
        },
        outputs_unknown=("arn", "confirmationWasAuthenticated", "ownerId", "pendingConfirmation"),
        tags=False,
        create=subscribe,
        read=read_subscription,
        update=update_subscription,
        delete=unsubscribe,
    ),
)
