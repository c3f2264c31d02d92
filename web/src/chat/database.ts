// Conversations in the browser's IndexedDB, one record each.
import { newId } from './message.svelte';
import type { ChatRecord } from './types';

const storeName = 'chats';
let opened: Promise<IDBDatabase> | null = null;

// As kept: who wrote it last can be told.
export type KeptRecord = ChatRecord & { revision?: string };

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('paceline', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName, { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(storeName, mode);
    const request = work(transaction.objectStore(storeName));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error ?? request.error);
  });
}

// Writes what `unite` makes of the record that is there; null leaves it. No other tab gets in between.
async function put(id: string, unite: (there: KeptRecord | undefined) => ChatRecord | null): Promise<KeptRecord | null> {
  let kept: KeptRecord | null = null;
  await run<KeptRecord | undefined>('readwrite', (store) => {
    const reading = store.get(id);
    reading.onsuccess = () => {
      const chat = unite(reading.result);
      if (!chat) return;
      store.put((kept = { ...chat, revision: newId() }));
      store.transaction.commit(); // at once: the page may be going away
    };
    return reading;
  });
  return kept;
}

export const database = {
  all: () => run<KeptRecord[]>('readonly', (store) => store.getAll()),
  get: (id: string) => run<KeptRecord | undefined>('readonly', (store) => store.get(id)),
  put,
  remove: (id: string) => run('readwrite', (store) => store.delete(id)),
};
