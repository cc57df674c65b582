"""The resources of a stack, a component a module; modules that only decide something (subnets, plan, manifest …) are pure."""
