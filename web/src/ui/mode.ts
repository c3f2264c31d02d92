// The drafting of an answer, as it stands in a list to choose from.
import type { SpeculationMode } from '../chat/types';

export const modeNames = ['auto', 'off', '1', '2', '3', '4', '6', '8'];

export const modeOf = (name: string): SpeculationMode => (name === 'auto' || name === 'off' ? name : Number(name) || 'auto');
