"""Key pairs: fingerprints as AWS computes them, and calls by KeyPairId.

The fingerprint of an RSA pair that AWS made is the SHA-1 of the private key in PKCS#8 DER; of an imported one the MD5 of
the public key in DER (so in moto too); of an ED25519 pair, made or imported, the SHA-256 of the public key in base64 as
OpenSSH shows it. DeleteKeyPair of one that does not exist succeeds. DescribeKeyPairs knows no pages.
"""

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from moto.ec2.models.key_pairs import KeyPairBackend
from moto.ec2.responses.key_pairs import KeyPairs

from lab import Refusal, around


def of_made_rsa(pair):
    key = serialization.load_pem_private_key(pair.material, None)
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return hashlib.sha1(der).digest().hex(":")


def of_ed25519(pair):
    blob = base64.b64decode(pair.material_public.split()[1])
    return base64.b64encode(hashlib.sha256(blob).digest()).decode()


def install(_):
    @around(KeyPairBackend, "create_key_pair")
    def create(original, backend, *args, **kwargs):
        pair = original(backend, *args, **kwargs)
        pair.key_type = pair.key_type or "rsa"
        pair.key_fingerprint = of_ed25519(pair) if pair.key_type == "ed25519" else of_made_rsa(pair)
        return pair

    @around(KeyPairBackend, "import_key_pair")
    def take(original, backend, *args, **kwargs):
        pair = original(backend, *args, **kwargs)
        if pair.key_type == "ed25519":
            pair.key_fingerprint = of_ed25519(pair)
        return pair

    def named(response, key_id):
        pairs = response.ec2_backend.key_pairs.values()
        return next((pair.key_name for pair in pairs if pair.id == key_id), None)

    @around(KeyPairs, "delete_key_pair")
    def delete(original, response):
        if "KeyPairId" in response.params:
            response.params["KeyName"] = named(response, response.params["KeyPairId"])
        return original(response)

    @around(KeyPairs, "describe_key_pairs")
    def describe(original, response):
        for key_id in response.params.get("KeyPairIds", []):
            name = named(response, key_id)
            if name is None:
                raise Refusal("InvalidKeyPair.NotFound", f"The key pair ID '{key_id}' does not exist")
            response.params["KeyNames"] = [*response.params.get("KeyNames", []), name]
        return original(response)
