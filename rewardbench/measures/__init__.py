"""What can be measured on texts alone? Pure functions shared by rewards and metrics."""
