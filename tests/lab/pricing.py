"""The Price List service, which moto lacks: GetProducts of what `catalogue.py` has.

It speaks JSON 1.1, has endpoints in three regions alone, and answers with products as JSON within strings, a hundred at
most in a page. A filter is of type TERM_MATCH or EQUALS (the very value), CONTAINS (a part of it), ANY_OF or NONE_OF (of
values with commas between them); a product has to pass all of them. Documented, and not verified beyond that: whether
TERM_MATCH minds capitals (here it does), and what a field that no product has leads to (here to a refusal, so that one
that is mistyped is seen).
"""

import base64
import json

import catalogue
from lab import Refusal

# there is no host api.pricing.REGION.amazonaws.com for others
ENDPOINTS = ("us-east-1", "eu-central-1", "ap-south-1")
MOST = 100
FIELDS = {
    *("ServiceCode", "servicecode", "productFamily", "regionCode", "location", "locationType", "instanceType", "vcpu"),
    *("memory", "physicalProcessor", "processorArchitecture", "tenancy", "operatingSystem", "preInstalledSw", "group"),
    *("licenseModel", "capacitystatus", "marketoption", "usagetype", "operation", "volumeApiName", "volumeType"),
    *("currentGeneration", "instanceFamily", "storage"),
}
TYPES = ("TERM_MATCH", "EQUALS", "CONTAINS", "ANY_OF", "NONE_OF")


def invalid(message):
    return Refusal("InvalidParameterException", message)


def value_of(product, field):
    made = product["product"]
    if field == "ServiceCode":
        return product["serviceCode"]
    return made.get("productFamily") if field == "productFamily" else made["attributes"].get(field)


def passes(product, one):
    value, wanted = value_of(product, one["Field"]), one["Value"]
    several = [each.strip() for each in wanted.split(",")]
    return {
        "TERM_MATCH": value == wanted,
        "EQUALS": value == wanted,
        "CONTAINS": value is not None and wanted in value,
        "ANY_OF": value in several,
        "NONE_OF": value not in several,
    }[one["Type"]]


def checked(filters):
    if len(filters) > 50:
        raise invalid("Filters: at most 50")
    for one in filters:
        if set(one) != {"Type", "Field", "Value"} or one["Type"] not in TYPES:
            raise invalid(f"Invalid filter: {one}")
        if not 1 <= len(one["Value"]) <= 1024:
            raise invalid("Value: between 1 and 1024 characters")
        if one["Field"] not in FIELDS:
            raise invalid(f"Invalid field: {one['Field']}")
    return filters


def told(product):
    return product["raw"] if "raw" in product else json.dumps(product)


def get_products(asked):
    if not asked.get("ServiceCode"):
        raise invalid("ServiceCode is missing")
    size = asked.get("MaxResults", MOST)
    if not 1 <= size <= MOST:
        raise invalid(f"MaxResults: between 1 and {MOST}")
    filters = checked(asked.get("Filters", []))
    # a token is good for the question that it came with
    question = json.dumps([asked["ServiceCode"], filters])
    start = 0
    if asked.get("NextToken"):
        try:
            start, of = json.loads(base64.b64decode(asked["NextToken"]))
        except ValueError:
            of = None
        if of != question:
            raise Refusal("InvalidNextTokenException", "The pagination token is invalid. Try again without a pagination token.")
    found = [
        each
        for each in catalogue.products()
        if each["serviceCode"] == asked["ServiceCode"] and all(passes(each, one) for one in filters)
    ]
    answer = {"FormatVersion": "aws_v1", "PriceList": [told(each) for each in found[start : start + size]]}
    if start + size < len(found):
        answer["NextToken"] = base64.b64encode(json.dumps([start + size, question]).encode()).decode()
    return answer


def params(body):
    """What a question is, for the list of calls and for faults of some of them."""
    try:
        asked = json.loads(body or b"{}")
        return {"ServiceCode": asked.get("ServiceCode", ""), **{one["Field"]: one["Value"] for one in asked.get("Filters", [])}}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def answer(call):
    if call.action != "GetProducts":
        raise Refusal("UnknownOperationException", f"the lab's Price List has no {call.action}")
    body = json.dumps(get_products(json.loads(call.body or b"{}"))).encode()
    return 200, [("Content-Type", "application/x-amz-json-1.1")], body
