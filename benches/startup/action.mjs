// An action as most are written: the AWS SDK for JavaScript, bundled into one file. It makes the four clients that a
// deploy needs, and then its first call.
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { SSMClient } from '@aws-sdk/client-ssm';

const to = { endpoint: process.argv[2], region: 'eu-central-1' };
new AutoScalingClient(to);
new ElasticLoadBalancingV2Client(to);
new SSMClient(to);
await new EC2Client(to).send(new DescribeInstancesCommand({}));
