"""What all parts share: clients of an endpoint on this machine, and a clock that runs faster than the wall's."""

import threading
import time

import boto3
import botocore.config

REGION = "eu-central-1"
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
_making = threading.Lock()


class Cloud:
    """Clients of every service at one endpoint: `Cloud(url).ec2.describe_images()`."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def __getattr__(self, service):
        config = botocore.config.Config(
            retries={"max_attempts": 2}, read_timeout=30, max_pool_connections=20, s3={"addressing_style": "path"}, proxies={}
        )
        with _making:  # clients may be shared by threads, and must not be made by several at once
            made = boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, config=config, **KEYS)
        setattr(self, service, made)
        return made


class Clock:
    """Begins now, and goes `speed` times as fast as the wall's."""

    def __init__(self, speed):
        self.speed = speed
        self.began, self.base = time.monotonic(), time.time()

    def now(self):
        return self.base + (time.monotonic() - self.began) * self.speed

    def wait(self, event, seconds):
        """So many seconds of this clock; answers at once, and with True, when the event is set."""
        return event.wait(seconds / self.speed)
