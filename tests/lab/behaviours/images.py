"""Images and their snapshots: what CreateImage makes, what DeregisterImage leaves.

CreateImage makes a snapshot of every volume, of that volume's size and described as `Created by CreateImage(i-...) for
ami-...`; it tags image and snapshots as asked for, and refuses a name that the account's images have already
(InvalidAMIName.Duplicate). DeregisterImage leaves the snapshots, unless DeleteAssociatedSnapshots asks to delete them
with it, and then tells of each in deleteSnapshotResults. DeleteSnapshot of a registered image's is
InvalidSnapshot.InUse. Others' images cannot be deregistered (AuthFailure). An image that is not available cannot be
launched (InvalidAMIID.Unavailable).

An image has the files that its instance had. A running instance is rebooted for it, unless NoReboot asks not to.
"""

from moto.ec2.exceptions import InvalidSnapshotInUse
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.amis import AmisResponse

from lab import Refusal, around

TAGGED = ("image", "snapshot")


def tags_for(specifications, kind):
    return {tag["Key"]: tag["Value"] for spec in specifications if spec["ResourceType"] == kind for tag in spec["Tags"]}


def images_with(backend, snapshot):
    """Registered images that a snapshot belongs to."""
    return [image for image in backend.amis.values() if snapshot in snapshots_of(image)]


def snapshots_of(image):
    return [mapping["Ebs"]["SnapshotId"] for mapping in image.block_device_mappings]


def take_snapshots(backend, image, instance, tags):
    """Takes one of every volume, in place of the one that moto makes up; gives the image's mappings."""
    backend.snapshots.pop(image.ebs_snapshot.id, None)
    mappings = []
    for device, block in instance.block_device_mapping.items():
        volume = backend.get_volume(block.volume_id)
        description = f"Created by CreateImage({instance.id}) for {image.id}"
        snapshot = backend.create_snapshot(volume.id, description, from_ami=image.id)
        snapshot.add_tags(tags)
        ebs = {
            "SnapshotId": snapshot.id,
            "VolumeSize": volume.size,
            "VolumeType": volume.volume_type,
            "DeleteOnTermination": block.delete_on_termination,
            "Encrypted": volume.encrypted,
        }
        mappings.append({"DeviceName": device, "Ebs": ebs})
    return mappings


def install(lab):
    made_up = Ami.block_device_mappings.fget
    Ami.block_device_mappings = property(lambda image: getattr(image, "mappings", None) or made_up(image))

    def create_slowly(image, instance, no_reboot):
        things = [(image, "state", "available")]
        for snapshot in snapshots_of(image):
            things.append((image.ec2_backend.snapshots[snapshot], "status", "completed"))
        for thing, name, _ in things:
            setattr(thing, name, "pending")
        missing = {"time", "files"}

        def have(what):
            missing.discard(what)
            if not missing:
                for thing in things:
                    setattr(*thing)

        lab.after(lab.options.image, lambda: have("time"))
        if lab.house:
            lab.house.capture(instance, image.id, no_reboot, lambda: have("files"))
        else:
            have("files")

    @around(AmiBackend, "create_image")
    def create(original, backend, instance_id, name, description, tag_specifications):
        for image in backend.amis.values():
            if image.name == name and image.owner_id == backend.account_id:
                raise Refusal("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {image.id}")
        for spec in tag_specifications:
            if spec["ResourceType"] not in TAGGED:
                message = f"'{spec['ResourceType']}' is not a valid taggable resource type for this operation."
                raise Refusal("InvalidParameterValue", message)
        instance = backend.get_instance(instance_id)
        if instance.state not in ("running", "stopping", "stopped"):
            message = f"The instance '{instance_id}' is not in a state from which an image can be made."
            raise Refusal("IncorrectInstanceState", message)
        image = original(backend, instance_id, name, description, tag_specifications=[])
        image.add_tags(tags_for(tag_specifications, "image"))
        image.root_device_name, image.root_device_type = instance.root_device_name, "ebs"
        image.mappings = take_snapshots(backend, image, instance, tags_for(tag_specifications, "snapshot"))
        image.hypervisor = "xen"
        create_slowly(image, instance, asked["no_reboot"])
        return image

    asked = {}

    @around(AmisResponse, "create_image")
    def ask_to_create(original, response):
        asked["no_reboot"] = response._get_bool_param("NoReboot", False)
        return original(response)

    @around(InstanceBackend, "run_instances")
    def run(original, backend, image_id, *args, **kwargs):
        image = backend.amis.get(image_id)
        if image and image.state != "available":
            raise Refusal("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is not available")
        return original(backend, image_id, *args, **kwargs)

    @around(AmisResponse, "deregister_image")
    def deregister(original, response):
        backend = response.ec2_backend
        image = backend.amis.get(response._get_param("ImageId"))
        if image and image.owner_id != backend.account_id:
            raise Refusal("AuthFailure", f"Not authorized for image:{image.id}", 403)
        result = original(response)
        if lab.house and image:
            lab.house.deregister(image.id)
        if response._get_bool_param("DeleteAssociatedSnapshots", False):
            result.result["DeleteSnapshotResults"] = [forget(backend, snapshot) for snapshot in snapshots_of(image)]
        return result

    def forget(backend, snapshot):
        """Deletes it, if no other image needs it."""
        code = "skipped" if images_with(backend, snapshot) else "success"
        if code == "success":
            backend.snapshots.pop(snapshot, None)
        return {"SnapshotId": snapshot, "ReturnCode": code}

    @around(EBSBackend, "delete_snapshot")
    def delete(original, backend, snapshot_id):
        for image in images_with(backend, snapshot_id):
            raise InvalidSnapshotInUse(snapshot_id, image.id)
        return original(backend, snapshot_id)
