"""The whole stack on one machine: the engine, the deployment to it, and what scripts ask of them."""
