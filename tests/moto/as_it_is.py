"""moto with only those mends that a calibration's walk does not get through without, for as long as its input stands open.

Says in a line of JSON where the proxy before it and the site behind it answer, what time it is there and how fast that goes, and
which operations are not answered as moto does: whatever is seen of all others is moto's own.
"""

import contextlib
import json
import pathlib
import sys
import tempfile

from cloud import Clock, Cloud
from data_plane import DataPlane
from front import Front
from run import SPEED, lead_out, moto

# As the proxy and as the SDK call it, and where the walk ends without.
NEEDED = {
    "GET versioning": "GetBucketVersioning",  # the SDK cannot read the answer: no bucket is made
    "PUT policy": "PutBucketPolicy",  # the lease in the bucket is denied to everybody
    "GET policy": "GetBucketPolicy",
    "AssumeRole": "AssumeRole",  # the sessions end too early by this clock
    "RunInstances": "RunInstances",  # no builder is launched
    "CreateImage": "CreateImage",  # no image is made
    "CreateLaunchTemplateVersion": "CreateLaunchTemplateVersion",  # no instance is launched
    "DescribeAutoScalingGroups": "DescribeAutoScalingGroups",  # no instance is ever of the release's version
}


def main():
    with tempfile.TemporaryDirectory() as folder, moto(pathlib.Path(folder)) as url:
        lead_out(Cloud(url))
        front = Front(url, Clock(SPEED), NEEDED)
        plane = DataPlane(front)
        touched = [*NEEDED.values(), *(operation.partition(".")[2] for operation in front.own)]
        said = {"endpoint": front.url, "site": plane.url, "now": front.clock.now(), "speed": SPEED, "touched": touched}
        print(json.dumps(said), flush=True)
        # Nobody reads more than that line.
        with contextlib.redirect_stdout(sys.stderr):
            sys.stdin.read()


if __name__ == "__main__":
    main()
