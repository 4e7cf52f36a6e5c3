"""An instance without block device mappings has the volumes of its image; an attached volume cannot be deleted.

moto gives every such instance 8 GB at /dev/sda1. Volumes go (DeleteOnTermination) or become available when the
instance has ended, not before: see `termination.py`. DeleteVolume of an attached one is VolumeInUse, in moto too.
"""

from moto.ec2.models.instances import Instance

from lab import around


def install(_):
    @around(Instance, "setup_defaults")
    def create(original, instance):
        image = instance.ec2_backend.amis.get(instance.image_id)
        if image is None:
            return original(instance)
        for mapping in image.block_device_mappings:
            ebs = mapping["Ebs"]
            kind = None if ebs["VolumeType"] == "standard" else ebs["VolumeType"]
            root = mapping["DeviceName"] == image.root_device_name
            ends = root or ebs["DeleteOnTermination"]
            instance.add_block_device(ebs["VolumeSize"], mapping["DeviceName"], ebs["SnapshotId"], False, ends, None, kind)
        return None
