"""What is deployed: the CDK app, its stacks, and one construct per kind of thing."""
