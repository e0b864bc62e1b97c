export type NodeState = 'idle' | 'up' | 'blacklisted';
