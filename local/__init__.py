"""The whole stack on one machine: the engine, the deployment to it, what scripts ask of it."""
