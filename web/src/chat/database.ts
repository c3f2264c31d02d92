// Conversations in the browser's IndexedDB, one record each.
import type { ChatRecord } from './types';

const storeName = 'chats';
let opened: Promise<IDBDatabase> | null = null;

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

export const database = {
  all: () => run<ChatRecord[]>('readonly', (store) => store.getAll()),
  put: (chat: ChatRecord) => run('readwrite', (store) => store.put(chat)),
  remove: (id: string) => run('readwrite', (store) => store.delete(id)),
};
